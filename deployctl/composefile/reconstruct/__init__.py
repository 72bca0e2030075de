"""A broken compose file put together again from what is known of it. Pure.

Nothing here is believed: every candidate is weighed on the host, where Compose itself says whether
the running containers are what it describes.
"""

from deployctl.composefile.reconstruct.candidates import Candidate, Known, candidates
from deployctl.composefile.reconstruct.fits import unexplained
from deployctl.composefile.reconstruct.origins import Line, told_diff
from deployctl.composefile.reconstruct.running import Running, compared

__all__ = ["Candidate", "Known", "Line", "Running", "candidates", "compared", "told_diff",
           "unexplained"]  # fmt: skip
