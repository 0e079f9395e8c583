"""`fabric.contrib.console`: yes or no."""

from __future__ import annotations

from bedside.fabric1.messages import say
from bedside.fabric1.operations import prompt


def confirm(question: str, default: bool = True) -> bool:
    """Ask until the answer is yes or no; an empty one is the default."""
    while True:
        answer = prompt(f"{question} [{'Y/n' if default else 'y/N'}]").lower()
        if not answer:
            return default
        if answer in ("y", "yes"):
            return True
        if answer in ("n", "no"):
            return False
        say("I didn't understand you. Please specify '(y)es' or '(n)o'.")
