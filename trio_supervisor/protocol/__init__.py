"""The control protocol: framing, codec and messages; bytes in, values out, no I/O."""

from __future__ import annotations

from trio_supervisor.protocol.framing import REPLY_LIMIT, REQUEST_LIMIT, Deframer, Frame
from trio_supervisor.protocol.messages import from_frame, to_bytes

__all__ = ["REPLY_LIMIT", "REQUEST_LIMIT", "Deframer", "Frame", "from_frame", "to_bytes"]
