"""Train, measure and use a GPT that is put together from the pieces of the days."""
