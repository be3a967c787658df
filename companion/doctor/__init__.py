"""`doctor`: is this machine ready for the course? Each thing is ok, a warning or a fault, with what to do.

finding.py   what a check says
machine.py   everything that is asked of the machine, in one place, so that a test can have another machine
probe.py     what torch says of itself, asked in a process of its own: an import that fails or crashes is an answer, too
software.py, hardware.py, files.py   the checks
"""
