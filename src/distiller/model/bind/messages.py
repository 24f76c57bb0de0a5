"""What is told of a binding: faults, and what became of what has no better place."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Messages:
    """Faults and notes of one model, in the order in which they were met.

    Attributes
    ----------
    complete
        Whether a binding names everything: then what lacks is a fault, else a note.
    """

    model: str
    complete: bool
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, message: str) -> None:
        """Remember a fault, once."""
        _add(self.faults, f"binding of {self.model}: {message}")

    def note(self, message: str) -> None:
        """Remember what is no fault, once."""
        _add(self.notes, message)

    def lack(self, message: str) -> None:
        """Remember what a complete binding must not leave open."""
        if self.complete:
            self.fault(message)
        else:
            self.note(message)


def _add(messages: list[str], message: str) -> None:
    if message not in messages:
        messages.append(message)
