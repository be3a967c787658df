"""The companion at a learner's side: `python -m curriculum VERB`. README.md says how it is made."""
