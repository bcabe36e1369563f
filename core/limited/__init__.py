"""Running functions of ours on what strangers made, in a child process that can take little and reach nothing.

Reading a web page, a PDF or a picture is where a few bytes can ask for minutes and gigabytes, and where a flaw in a
library would be found first. So it is done apart: ``process.py`` starts the child and talks with it, ``child.py`` runs
in it, ``sandbox.py`` takes away what it does not need.
"""
