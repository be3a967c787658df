"""How good are the checks? Maintainers' measurements of them; nothing else depends on this package."""
