"""What one check of a seal comes to."""

from dataclasses import dataclass
from typing import Literal

State = Literal["proven", "not-proven", "failed"]


@dataclass(frozen=True)
class Check:
    """`failed`: something contradicts the seal, or a demand of the policy. `not-proven`: nobody
    asked for it, or it can't be told here."""

    name: str
    state: State
    told: str
    brief: str = ""
    """what is proven or not in a few words, where the name doesn't say it"""

    @property
    def in_short(self) -> str:
        return self.brief or self.name
