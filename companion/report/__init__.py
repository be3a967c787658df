"""The learner's report of a run: what the record says is filled in, what it means is theirs.

facts     a run's numbers, and what follows from them      figures   the report's marked places, as Markdown
command   `report RUN`
"""
