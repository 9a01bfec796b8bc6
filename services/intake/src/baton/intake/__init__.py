"""The only door for facts from outside. It keeps the raw body of all it received, and answers when that is durable."""
