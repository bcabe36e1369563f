"""The one HTTP server: it keeps out what should not come in, and hands the rest to whoever registered the path.

By subject: ``serving`` listens, finds routes and answers; ``admission`` has the rules by which a request's head is let
in; ``connections`` and ``limits`` bound what strangers may take; ``bodies`` reads bodies for webhooks; ``rejections``
counts what was refused. What is said on a path, and to whom, is its adapter's affair.
"""

from core.server.admission import Refusal, forged, host_of, too_large
from core.server.serving import Server

__all__ = ["Refusal", "Server", "forged", "host_of", "too_large"]
