"""The wrong ways of day 12: each is the reference with one thing changed."""

import re

from grader.catalogue import change, mistake
from grader.written import usual_mistakes

# 12.2 tidy_up


@mistake(
    "tidy_up",
    says="Only the first lines of the log are read: a limit from debugging is still there.",
    why="It makes a test run fast, and a month later the best step is missing. What was for debugging has to go.",
    read="#what-debugging-leaves-behind",
)
def debug_limit(source):
    return change(source, "for line in lines:", "for line in list(lines)[:50]:")


@mistake(
    "tidy_up",
    says="Lines that cannot be read are dropped in silence.",
    why="A log with holes then looks like a whole one. The contract gives them back, so that somebody can look.",
    read="#errors-that-nobody-sees",
    seen="ControlCore-Project/concore issue 299: actual errors get silently swallowed",
)
def swallowed(source):
    return change(source, "            unreadable.append(text)\n", "            continue\n")


@mistake(
    "tidy_up",
    says="Lines that cannot be read come back with the spaces around them.",
    why="The contract says: without. Two ways to write one line would be two lines for whoever counts them.",
    read="#same-behaviour",
)
def spaces_kept(source):
    return change(source, "unreadable.append(text)", "unreadable.append(line)")


@mistake(
    "tidy_up",
    says="Lines that begin with # are read like any other.",
    why="They are the head of the log, or a line that somebody has switched off.",
    read="#same-behaviour",
)
def comments_read(source):
    source = change(source, 'if not text or text.startswith("#"):', "if not text:")
    return change(source, "text = line.strip()", 'text = line.strip().lstrip("#")')


@mistake(
    "tidy_up",
    says="A line that has a # somewhere is left out, not only one that begins with it.",
    why="A note behind the numbers then takes the record with it, and nobody is told.",
    read="#same-behaviour",
)
def hash_anywhere(source):
    return change(source, 'text.startswith("#")', '"#" in text')


@mistake(
    "tidy_up",
    says="The fields are taken by their place in the line, not by their names.",
    why="It worked for the logs that were at hand. Fields may stand in any order, says the contract.",
    read="#same-behaviour",
)
def fields_by_place(source):
    return change(
        source,
        'return Record(int(fields["step"]), float(fields["loss"]), int(fields["tokens"]))',
        "step, loss, tokens = list(fields.values())[:3]\n        return Record(int(step), float(loss), int(tokens))",
    )


@mistake(
    "tidy_up",
    says="A field whose value has an = in it makes a line unreadable.",
    why="split('=') gives three parts then, and no dict can be made of them.",
    read="#same-behaviour",
)
def split_at_every_equals(source):
    return change(
        source,
        '    fields = dict(part.split("=", 1) for part in text.split() if "=" in part)\n    try:\n',
        '    try:\n        fields = dict(part.split("=") for part in text.split() if "=" in part)\n',
    )


@mistake(
    "tidy_up",
    says="An assert stands where an error for people was promised.",
    why="python -O leaves asserts out, and an AssertionError without a word tells nobody what to do.",
    read="#errors-that-nobody-sees",
    seen="Bandit's rule B101, assert_used; Ruff's rule S101",
)
def assert_for_people(source):
    return change(
        source,
        """    if not records:
        raise ValueError("there is no record: is this the log of a run?")
""",
        "    assert records\n",
    )


@mistake(
    "tidy_up",
    says="Of equal losses the last one counts as the best.",
    why="The contract says the first, as the code did: tidying must not change what comes out.",
    read="#same-behaviour",
)
def last_of_equals(source):
    return change(source, "return min(records, key", "return min(reversed(records), key")


@mistake(
    "tidy_up",
    says="The list of losses that was handed in is empty afterwards.",
    why="Whoever calls it still needs the list. A function that changes what it is given surprises at a distance.",
    read="#what-belongs-to-others",
    seen="Python's Programming FAQ: Why did changing list 'y' also change list 'x'?",
)
def list_emptied(source):
    return change(
        source,
        "return [fmean(losses[max(0, end - window) : end]) for end in range(1, len(losses) + 1)]",
        """result = []
    while losses:
        result.insert(0, fmean(losses[-window:]))
        losses.pop()
    return result""",
    )


@mistake(
    "tidy_up",
    says="The smoothed losses begin only where a whole window is behind them.",
    why="The first ones are missing, so the result no longer fits the steps beside which it is drawn.",
    read="#same-behaviour",
)
def only_whole_windows(source):
    return change(source, "for end in range(1, len(losses) + 1)]", "for end in range(window, len(losses) + 1)]")


@mistake(
    "tidy_up",
    says="The first losses are divided by the whole window, although fewer were added up.",
    why="The curve then seems to rise from nearly 0. The mean of two losses is half of their sum.",
    read="#same-behaviour",
)
def divided_by_the_window(source):
    source = change(
        source, "fmean(losses[max(0, end - window) : end])", "sum(losses[max(0, end - window) : end]) / window"
    )
    return change(source, "from statistics import fmean, median", "from statistics import median")


@mistake(
    "tidy_up",
    says="The window has one loss more than it should.",
    why="Off by one, at the place where the code was made shorter.",
    read="#same-behaviour",
)
def window_too_wide(source):
    return change(source, "max(0, end - window)", "max(0, end - window - 1)")


@mistake(
    "tidy_up",
    says="The list of losses that was handed in is sorted afterwards.",
    why="list.sort changes the list itself. The losses were in the order of the steps, and nobody can put them back.",
    read="#what-belongs-to-others",
    seen="Python's Design FAQ: Why doesn't list.sort() return the sorted list?",
)
def list_sorted(source):
    return change(source, "    return median(losses)", "    losses.sort()\n    return median(losses)")


@mistake(
    "tidy_up",
    says="It is the mean that is given as the typical loss, not the median.",
    why="One spike moves a mean; the median was chosen because it does not move.",
    read="#same-behaviour",
)
def mean_for_median(source):
    source = change(source, "return median(losses)", "return fmean(losses)")
    return change(source, "from statistics import fmean, median", "from statistics import fmean")


@mistake(
    "tidy_up",
    says="Of an even number of losses the upper of the two in the middle is taken for the median.",
    why="The code took the mean of both, and so does the word: tidying must not change what comes out.",
    read="#same-behaviour",
)
def upper_of_the_middle(source):
    source = change(source, "return median(losses)", "return sorted(losses)[len(losses) // 2]")
    return change(source, "from statistics import fmean, median", "from statistics import fmean")


@mistake(
    "tidy_up",
    says="The lines are gone through twice, and an open file gives them only once.",
    why="A list can be read as often as you like. What was promised is anything that can be gone through.",
    read="#same-behaviour",
)
def lines_read_twice(source):
    return change(
        source,
        "    records, unreadable = read_log(lines)\n    lowest",
        "    records = read_log(lines)[0]\n    unreadable = read_log(lines)[1]\n    lowest",
    )


@mistake(
    "tidy_up",
    says="A print is left in.",
    why="It fills the screen of everybody who calls the function, and mixes with what their program says.",
    read="#what-debugging-leaves-behind",
    seen="ibs-lab/cedalion pull request 87; sblibs/pySwitchbot pull request 35",
)
def print_left(source):
    return change(source, "    lowest = best(records)", '    print("HERE", len(records))\n    lowest = best(records)')


@mistake(
    "tidy_up",
    says="A result is kept by the number of lines, and given again for another log of that length.",
    why="A cache needs a key that tells inputs apart, and a reason. This one saved a second while debugging.",
    read="#what-belongs-to-others",
)
def stale_cache(source):
    source = change(
        source,
        "    records, unreadable = read_log(lines)\n    lowest",
        "    lines = list(lines)\n"
        "    if len(lines) in _SEEN:\n"
        "        return _SEEN[len(lines)]\n"
        "    records, unreadable = read_log(lines)\n"
        "    lowest",
    )
    source = change(source, '    return "; ".join(parts)', '    return _SEEN.setdefault(len(lines), "; ".join(parts))')
    return change(source, "\n\ndef summary", "\n\n_SEEN: dict[int, str] = {}\n\n\ndef summary")


@mistake(
    "tidy_up",
    says="Of one unreadable line it says “1 lines”.",
    why="It is a small thing that everybody sees.",
    read="#same-behaviour",
)
def one_lines(source):
    return change(source, "line{'s' if len(unreadable) > 1 else ''} unreadable", "lines unreadable")


@mistake(
    "tidy_up",
    says="An import is left that nothing uses.",
    why="A reader looks for what it is for, and does not find it. It also costs time at every start.",
    read="#what-debugging-leaves-behind",
    seen="Pyflakes and Ruff's rule F401, unused-import",
)
def import_left(source):
    return change(source, "from collections.abc", "import json\nfrom collections.abc")


@mistake(
    "tidy_up",
    says="Code that has been switched off stands in a comment.",
    why="Nobody dares to delete it, nobody knows whether it still works. Git remembers it for you.",
    read="#what-debugging-leaves-behind",
    seen="kovidgoyal/kitty pull request 4736; Ruff's rule ERA001, commented-out-code",
)
def code_in_a_comment(source):
    return change(source, "    return median(losses)", "    # losses = losses[-100:]\n    return median(losses)")


@mistake(
    "tidy_up",
    says="A note to yourself is left in.",
    why="Either it matters, then do it now or write it where tasks are kept; or it does not, then delete it.",
    read="#what-debugging-leaves-behind",
    seen="airbus/decomon pull request 19: Clean comments and prints",
)
def note_left(source):
    return change(source, "    return median(losses)", "    return median(losses)  # TODO is this right??")


@mistake(
    "tidy_up",
    says="An except catches everything, Ctrl-C and misspelt names included.",
    why="It hides the next fault that you make. Name the errors that you expect.",
    read="#errors-that-nobody-sees",
    seen="google/adk-python pull request 4949; ControlCore-Project/concore issue 299",
)
def except_everything(source):
    return change(source, "except (KeyError, ValueError):", "except:")


@mistake(
    "tidy_up",
    says="An except catches every Exception, misspelt names included.",
    why="Only Ctrl-C gets past it. It hides the next fault that you make: name the errors that you expect.",
    read="#errors-that-nobody-sees",
    seen="Ruff's rule BLE001, blind-except",
)
def except_nearly_everything(source):
    return change(source, "except (KeyError, ValueError):", "except Exception:")


@mistake(
    "tidy_up",
    says="A variable has the name of one of Python's own functions.",
    why="From there on, the real min is gone in that function, and the error will be hard to read.",
    read="#names",
    seen="Ruff's rule A001, builtin-variable-shadowing",
)
def hides_a_builtin(source):
    return change(
        source,
        "    return min(records, key=lambda record: record.loss)",
        """    min = records[0]
    for record in records:
        if record.loss < min.loss:
            min = record
    return min""",
    )


@mistake(
    "tidy_up",
    says="A variable is called l, which looks like 1.",
    why="Names are for readers. A word costs nothing.",
    read="#names",
    seen="PEP 8, Names to Avoid; pycodestyle's E741",
)
def called_l(source):
    source = change(source, "for line in lines:", "for l in lines:")
    return change(source, "text = line.strip()", "text = l.strip()")


# 12.1 report.md

REPORT = usual_mistakes(
    "report.md",
    "What I would do next",
    other="Goal",
    question="Three steps, in order. For each: what it costs, what you expect of it in numbers, and how you would find "
    "out that you were wrong.",
    read="#121-write-the-projects-report",
    figures=True,
)


@mistake(
    "report.md",
    says="The report has no run in it: its places for figures are empty.",
    why="A report without numbers is an opinion. python -m curriculum report NAME fills them in, from a run of yours.",
    read="#numbers-first",
    seen="Pineau and others 2021, Improving Reproducibility in Machine Learning Research, the checklist",
)
def no_run_in_it(source):
    return re.sub(
        r"(<!-- figures: report \w+ -->\n).*?(<!-- end of figures -->)",
        r"\1No finished run yet.\n\2",
        source,
        flags=re.S,
    )


# 12.3 README.md

READ_ME = usual_mistakes(
    "README.md",
    "What this is",
    other="Where to find what",
    question="What does it do, for whom? What is it made of, and which parts did you write yourself? What is it not?",
    read="#123-create-the-github-repository",
    figures=True,
)


def _blocks(source):
    """The fenced blocks for install, train and generate, as they stand there."""
    return re.findall(r"```bash\n.*?```\n", source, re.DOTALL)


@mistake(
    "README.md",
    says="It does not say how to install it.",
    why="It is the first thing that a stranger does, and the place where most of them give up.",
    read="#commands-that-run",
    seen="Papers with Code, the ML Code Completeness Checklist",
)
def no_way_to_install(source):
    return change(source, _blocks(source)[0], "As usual, with pip.\n")


@mistake(
    "README.md",
    says="It does not say how to train.",
    why="Your numbers can be believed if somebody else can get them.",
    read="#commands-that-run",
    seen="Papers with Code, the ML Code Completeness Checklist",
)
def no_way_to_train(source):
    return change(source, _blocks(source)[1], "See the course.\n")


@mistake(
    "README.md",
    says="It does not say how to generate a text.",
    why="It is what everybody wants to see first.",
    read="#commands-that-run",
)
def no_way_to_generate(source):
    return change(source, _blocks(source)[2], "Then it can write.\n")


@mistake(
    "README.md",
    says="Its commands have never been tried.",
    why="On your machine everything is there already. What is missing shows only where nothing is.",
    read="#a-fresh-environment",
    seen="mailpile/Mailpile pull request 150: the README's command, tried on a clean machine",
)
def never_tried(source):
    return re.sub(r"Tried on .*?(?=<!-- end of figures -->)", "Not tried yet.\n", source, flags=re.DOTALL)


@mistake(
    "README.md",
    says="A command has been changed since they were tried.",
    why="The last small change is the one that nobody tries.",
    read="#a-fresh-environment",
    seen="rfunix/Pompem issue 8: Typo in README.markdown",
)
def changed_since(source):
    return change(source, 'generate mine --prompt "The river"\n```', 'generate mine --promt "The river"\n```')


@mistake(
    "README.md",
    says="The training command failed when it was tried.",
    why="It stands in the README all the same. Mend it, and try again.",
    read="#a-fresh-environment",
    seen="fossasia/badgeyay issue 265: a command of the README fails as it stands there",
)
def training_failed(source):
    return change(source, "install ran, train ran, generate ran.", "install ran, train failed, generate was not tried.")


# 12.4 two_weeks.md

TWO_WEEKS = usual_mistakes(
    "two_weeks.md",
    "What I understood late",
    other="How I worked",
    question="One idea that had been wrong in your head. How was it wrong, and what put it right?",
    read="#124-summary-of-the-two-weeks",
    figures=True,
)
