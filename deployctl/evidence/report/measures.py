"""Numbers, durations, sizes and times as each language writes them. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Measures:
    decimal: str
    thousands: str

    def number(self, value: int) -> str:
        """`5,243`"""
        return f"{value:,}".replace(",", self.thousands)

    def duration(self, milliseconds: float) -> str:
        """`85 ms`, `1.2 s`, `2 min 5 s`, `3 h 4 min`"""
        if milliseconds < 1000:
            return f"{milliseconds:.0f} ms"
        seconds = milliseconds / 1000
        if seconds < 59.95:
            return f"{self._decimal(seconds).removesuffix(f'{self.decimal}0')} s"
        whole = round(seconds)
        if whole < 3600:
            return f"{whole // 60} min {whole % 60} s".removesuffix(" 0 s")
        return f"{whole // 3600} h {whole % 3600 // 60} min".removesuffix(" 0 min")

    def size(self, count: int) -> str:
        """`512 B`, `38.0 MB`: decimal units, as registries and disks use them"""
        if count < 1000:
            return f"{count} B"
        value = float(count)
        for unit in ("kB", "MB", "GB"):
            value /= 1000
            if value < 999.95:
                return f"{self._decimal(value)} {unit}"
        return f"{self._decimal(value / 1000)} TB"

    def _decimal(self, value: float) -> str:
        return f"{value:.1f}".replace(".", self.decimal)


ENGLISH = Measures(decimal=".", thousands=",")


def moment(at: datetime) -> str:
    """`2026-01-03 07:32:11 UTC`: the same in every language, so that nobody mistakes a month."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at.year >= 1000 else at.isoformat()


def short(identity: str) -> str:
    """The first 12 hex digits of a digest or an ID, as Docker shows them."""
    return identity.removeprefix("sha256:")[:12]
