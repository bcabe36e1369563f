"""Showing images to models of the chat-completions protocol: which of them see, and what is sent.

https://platform.openai.com/docs/guides/images-vision . A server's list does not say whether a model sees, but the
operator may, and names do. A model that complains is taken for blind from then on.
"""

import base64
import re
from collections.abc import Mapping

from core.exchange import Model, Request
from core.site import Fetch
from core.values import Media
from providers.gallery import Limits, gallery

Pictures = Mapping[Media, str]
"""Files by the words of an image that shows them, as data addresses."""

_SEES = re.compile(
    r"vision|[-_/]vl\b|\d-?vl\b|llava|bakllava|moondream|minicpm-v|pixtral|internvl|\bgemma-?[34]|\bqwen-?3\.[5-9]|omni"
    r"|grok-(4|5|build)|gpt-[456]|claude|gemini|mistral-(small|medium)-?3|llama-?4|glm-\d(\.\d)?v|kimi-(vl|k2\.5)",
    re.IGNORECASE,
)
_LIMITS = Limits(image_bytes=20 << 20, all_bytes=20 << 20)  # what xAI and many gateways take
_COMPLAINT = re.compile(r"image|vision|multimodal|mmproj", re.IGNORECASE)


class Eyes:
    """Which models of one server see.

    Args:
        told: What the operator says of all of them; None to go by their names.
    """

    def __init__(self, told: bool | None) -> None:  # noqa: FBT001 - a setting, as it is
        self._told = told
        self._blind: set[str] = set()

    def see(self, model: str) -> bool:
        """Whether this model is shown images."""
        if model in self._blind:
            return False
        return bool(_SEES.search(model)) if self._told is None else self._told

    def learn(self, model: str, complaint: str, shown: Pictures) -> bool:
        """Whether the complaint is of images that were shown: the request may be sent again without them."""
        if not (shown and _COMPLAINT.search(complaint)):
            return False
        self._blind.add(model)
        return True


async def pictures(request: Request, fetch: Fetch) -> Pictures:
    """All images of a conversation that can be had and sent."""
    shown = await gallery(request, Model(id=request.model, images=True), _LIMITS, fetch)
    return {
        media: f"data:{file.mime};base64,{base64.b64encode(file.data).decode()}"
        for media, file in shown.items()
        if file.kind == "image"
    }
