"""The maintenance switch for every server that a site runs on.

>>> from backsoon import Control, Instance, Permit, Request
>>> instance = Instance("file:./state")
>>> answer = instance.try_admit(Request(environ))
>>> if isinstance(answer, Permit):
...     ...  # run the request, and release the permit after its last byte
"""

from ._core import Ask, Control, Hold, Kept, Permit, Reply, Request, __version__
from .instance import Instance

__all__ = ["Ask", "Control", "Hold", "Instance", "Kept", "Permit", "Reply", "Request", "__version__"]
