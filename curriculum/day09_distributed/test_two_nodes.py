"""Check of task 9.3: a training on two nodes with addresses of their own."""

from grader import NotVerified


def what_the_run_says(run):
    if run["kind"] != "verified":
        raise NotVerified(f"Two nodes could not be had on this machine: {run['reason']}.")
    node, process = run["largest_difference_from_one_node"], run["largest_difference_from_one_process"]
    return {
        "networks of their own": run["nodes"],
        "addresses": len(run["addresses"]),
        "the loss fell": run["last_loss"] < run["first_loss"],
        "the losses of one node": node["losses"] <= 1e-6,
        "the weights of one node": node["weights"] <= 1e-6,
        "the losses of one process": process["losses"] <= 1e-3,
    }


def test_the_run_on_two_nodes(record, compare):
    """Your run on two nodes: networks of their own, and the losses and weights of one node"""
    expected = {
        "networks of their own": 2,
        "addresses": 2,
        "the loss fell": True,
        "the losses of one node": True,
        "the weights of one node": True,
        "the losses of one process": True,
    }
    command = "python -m curriculum.day09_distributed.two_nodes"
    compare(what_the_run_says, record("day09-nodes", command=command), expected=expected)
