"""`python -m curriculum VERB`: the companion."""

import sys

if __name__ == "__main__":
    try:
        from companion.cli import main
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed: python -m pip install -e . (and is the environment .venv activated?)")
    main()
