"""What scoring knows and how it judges. Pure: time comes as an argument, nothing is fetched."""
