"""The wrong ways of day 1: each is the reference with one thing changed."""
