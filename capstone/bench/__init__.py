"""How fast the capstone is, beside what people would use instead: `python -m capstone.bench WHAT`."""
