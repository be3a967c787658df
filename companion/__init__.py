"""The companion at a learner's side: `python -m curriculum VERB`, a module of this package for each verb."""
