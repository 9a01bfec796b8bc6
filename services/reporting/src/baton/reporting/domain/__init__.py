"""What reporting knows and counts, pure: the same facts give the same picture, whoever was heard first."""
