"""What servers and labs were seen to have against a request, and what is done about it: one table.

A row has the complaint in the words in which it was met, and the cure to try. Rows are gone through from the top, so
what is told more exactly stands above what is told less. ``seen`` are complaints word for word; each of them is held
against the table, and over a simulated server with just that strictness, by ``tests/providers/test_quirks.py``.

A complaint that no row knows, or that no cure helps against, is met by ever simpler forms of the conversation
(``RUNGS``). What helped is remembered for that server's model for a while (``repairs.py``).
"""

import re
from typing import Literal

from core.values import value
from providers import cures, rewording, simpler
from providers.chat import reshaping
from providers.cures import Cure
from providers.rewording import reshaped

Protocol = Literal["chat", "messages", "responses", "gemini"]
ALL: frozenset[Protocol] = frozenset({"chat", "messages", "responses", "gemini"})
CHAT: frozenset[Protocol] = frozenset({"chat"})
_LABS = ALL - CHAT


@value
class Quirk:
    """One thing that somebody does not take.

    Attributes:
        complaint: Found in the words of the error, its code and its parameter.
        cure: What is changed; it may find nothing of the kind in the request, and the next row is tried.
        protocols: Who complains so.
        seen: Complaints as they were met.
        anywhere: Whether the complaint means this also with a status that says that the server failed (500).
    """

    name: str
    complaint: re.Pattern[str]
    cure: Cure
    seen: tuple[str, ...]
    protocols: frozenset[Protocol] = ALL
    anywhere: bool = True


def _said(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


ANSWER_BEFORE_USER = reshaped("answer before user", reshaping.answer_before_user)
NINE_CHARACTER_IDS = reshaped("nine-character ids", reshaping.nine_character_ids)
COMMON_IDS = reshaped("common ids", reshaping.common_ids)
THOUGHTS_WITH_ANSWERS = reshaped("thoughts with answers", reshaping.thoughts_with_answers)
CALLS_ALONE = reshaped("calls alone", reshaping.calls_alone)
ONE_CALL_EACH = reshaped("one call each", reshaping.one_call_each)
NAMED_RESULTS = reshaped("named results", reshaping.named_results)
NEVER_EMPTY = reshaped("never empty", reshaping.never_empty)
ALTERNATING = reshaped("alternating", reshaping.alternating)

_NOT = r"(?:not supported|unsupported|isn't supported|not enabled|not available|not allowed|not permitted)"
_NO = r"(?:does not|doesn't|do not|don't|not) (?:currently )?(?:support|accept|allow|take)"
_IMAGES = r"(?:images?|image_url|vision|multi-?modal)"

QUIRKS: tuple[Quirk, ...] = (
    # -- how long, how, and what else is asked for
    Quirk(
        name="max_completion_tokens",  # OpenAI's newer models
        complaint=_said(r"use '?max_completion_tokens"),
        cure=rewording.OTHER_LENGTH,
        protocols=CHAT,
        seen=(
            (
                "Unsupported parameter: 'max_tokens' is not supported with this model."
                " Use 'max_completion_tokens' instead."
            ),
        ),
    ),
    Quirk(
        name="answer too long",
        complaint=_said(
            r"max_?(?:completion_|output_)?tokens.{0,80}(?:too large|at most|less than|maximum|valid range|exceed|>)",
            r"max_?(?:completion_|output_)?tokens.{0,20}must be",
        ),
        cure=rewording.SHORTER,
        seen=(
            "max_tokens is too large: 4096. This model supports at most 2048 completion tokens.",
            (
                "`max_tokens` must be less than or equal to `1024`, the maximum value for `max_tokens` is less than the"
                " `context_window` for this model"
            ),
            "Invalid max_tokens value, the valid range of max_tokens is [1, 2048]",
            "max_tokens: 4096 > 2048, which is the maximum allowed number of output tokens for claude-old",
        ),
    ),
    Quirk(
        name="streams",
        complaint=_said(
            r"verified to stream",
            rf"stream(?:ing|ed)?(?: mode)?(?: responses?)?(?: is| are)? {_NOT}",
            rf"{_NO} stream",
        ),
        cure=rewording.UNSTREAMED,
        protocols=frozenset({"chat", "responses"}),
        seen=(
            (
                "Your organization must be verified to stream this model. Please go to the settings and click on Verify"
                " Organization."
            ),
            "Streaming is not supported for this model",
            "This model does not support streaming.",
        ),
    ),
    # -- what stands beside the words of the model
    Quirk(
        name="thoughts wanted",  # Kimi, DeepSeek
        complaint=_said(
            r"reasoning_content`?.{0,60}(?:missing|must be (?:passed|provided)|required)",
            r"missing.{0,10}reasoning_content",
        ),
        cure=THOUGHTS_WITH_ANSWERS,
        protocols=CHAT,
        seen=(
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
            "Missing `reasoning_content` field in the assistant message at message index 1.",
        ),
    ),
    Quirk(
        name="thoughts wanted in blocks",  # DeepSeek's endpoint in Anthropic's protocol
        complaint=_said(r"thinking`? in the thinking mode must be passed back"),
        cure=simpler.CALLS_IN_WORDS,
        protocols=frozenset({"messages"}),
        seen=("The `content[].thinking` in the thinking mode must be passed back to the API.",),
    ),
    Quirk(
        name="signatures",  # of another model, or another account
        complaint=_said(
            r"signature",
            r"thinking`? blocks?.{0,80}cannot be modified",
            r"encrypted.?(?:content|index).{0,60}(?:verif|decrypt|invalid|pars)",
            r"invalid.{0,6}encrypted",
            r"of type 'reasoning' was provided without",
            r"item with id .?rs_",
            r"must start with a thinking block",
        ),
        cure=simpler.NO_THOUGHTS,
        protocols=_LABS,
        seen=(
            "messages.1.content.0: Invalid `signature` in `thinking` block",
            (
                "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."
                " These blocks"
                " must remain as they were in the original response."
            ),
            (
                "The encrypted content gAAA could not be verified. Reason: Encrypted content could not be decrypted or"
                " parsed."
            ),
            "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
            "Thought signature is not valid.",
        ),
    ),
    Quirk(
        name="thinking",
        complaint=_said(
            rf"(?:thinking|reasoning(?!_content|_details)|effort).{{0,60}}(?:{_NOT}|invalid|not a valid|cannot)",
            rf"{_NO}.{{0,30}}(?:thinking|reasoning(?!_content|_details)|effort)",
            r"expected `?thinking",
        ),
        cure=cures.NO_EFFORT,
        seen=(
            "Invalid JSON payload received. Unknown name \"thinkingConfig\" at 'generation_config': Cannot find field.",
            "Unsupported parameter: 'reasoning_effort' is not supported with this model.",
            "adaptive thinking is not supported on this model",
            "This model does not support the effort parameter.",
            "Thinking level HIGH is not supported for this model.",
            "Unsupported value: 'low' is not supported with this model: reasoning.effort cannot be set",
        ),
    ),
    Quirk(
        name="options",
        complaint=_said(
            r"unrecognized|unknown (?:name|parameter|field|argument)|unsupported (?:parameter|value)",
            r"extra (?:inputs?|fields?)",
            rf"unexpected|property .{{0,40}}unsupported|additional propert|{_NOT}|{_NO}|only supported",
            r"not.{0,10}permitted|forbidden|encrypted content is not supported",
        ),
        cure=rewording.OPTION,
        seen=(
            "Unrecognized request argument supplied: stream_options",
            "stream_options: Extra inputs are not permitted",
            "property 'reasoning_content' is unsupported",
            "Unknown parameter: 'prompt_cache_key'.",
            "Encrypted content is not supported with this model. include",
            "output_config: Extra inputs are not permitted",
            "system.0.cache_control: Extra inputs are not permitted",
        ),
    ),
    # -- ids, names and arguments of calls
    Quirk(
        name="ids of nine",  # Mistral, and its template wherever it is served
        complaint=_said(r"length (?:of )?9\b"),
        cure=NINE_CHARACTER_IDS,
        protocols=CHAT,
        seen=(
            "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
            "Tool call IDs should be alphanumeric strings with length 9!",
        ),
    ),
    Quirk(
        name="ids",
        complaint=_said(
            r"(?:tool_?calls?|call|tool_use)\S{0,20}[._ ]ids?\b.{0,60}(?:too long|length|pattern|invalid|match)"
        ),
        cure=COMMON_IDS,
        protocols=CHAT,
        seen=(
            (
                "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length"
                " 40, but got"
                " a string with length 64 instead."
            ),
            "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        ),
    ),
    Quirk(
        name="names in history",
        complaint=_said(
            r"(?:messages?|input|contents?)[.\[].{0,60}name.{0,60}(?:pattern|too long|length|invalid|permitted)",
            r"arguments.{0,60}(?:valid json|object|dict)",
            r"tool_use\.input",
        ),
        cure=simpler.CALLS_IN_WORDS,
        seen=(
            (
                "Invalid 'messages[1].tool_calls[0].function.name': string too long. Expected a string with"
                " maximum length"
                " 64, but got a string with length 80 instead."
            ),
            "messages.1.content.0.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
            "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
        ),
    ),
    Quirk(
        name="names of results",  # Google's endpoint in OpenAI's protocol
        complaint=_said(r"function_?response\.name", r"messages?[.\[].{0,10}\.tool\.name"),
        cure=NAMED_RESULTS,
        protocols=CHAT,
        seen=(
            "* GenerateContentRequest.contents[2].parts[0].function_response.name: Name cannot be empty.",
            "messages.2.tool.name: Field required",
        ),
    ),
    # -- the order of what is said
    Quirk(
        name="no user after tool",  # Mistral
        complaint=_said(
            r"role '?user'? after role '?tool",
            r"alternate user and assistant roles except for tool calls",
        ),
        cure=ANSWER_BEFORE_USER,
        protocols=CHAT,
        seen=(
            "Unexpected role 'user' after role 'tool'",
            (
                "After the optional system message, conversation roles must alternate user and assistant roles"
                " except for"
                " tool calls and results."
            ),
        ),
    ),
    Quirk(
        name="system",
        complaint=_said(
            rf"system (?:role|messages?|instructions?|prompts?)(?: is| are)? {_NOT}",
            rf"{_NO} '?system",
            r"developer instruction is not enabled",
            r"system message must be",
        ),
        cure=simpler.SYSTEM_IN_QUESTION,
        seen=(
            "System role not supported",
            "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
            "Developer instruction is not enabled for models/gemma-3-27b-it",
        ),
    ),
    Quirk(
        name="ends with the model",
        complaint=_said(
            r"prefill",
            r"must end with a user",
            r"expected last role",
            r"last message (?:must|of .{0,40}must|should)",
        ),
        cure=simpler.END_WITH_USER,
        seen=(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
            "The last message of deepseek-reasoner must be a user message",
        ),
    ),
    Quirk(
        name="one call at once",  # the template of Llama 3
        complaint=_said(
            r"single tool-?calls? at once",
            rf"parallel (?:tool|function)[ -]?call\w*.{{0,20}}{_NOT}",
            r"only one tool call",
        ),
        cure=ONE_CALL_EACH,
        protocols=CHAT,
        seen=("This model only supports single tool-calls at once!",),
    ),
    Quirk(
        name="words or calls",  # Mistral's older models
        complaint=_said(r"either content or tool_calls,? (?:but )?not (?:both|none)"),
        cure=CALLS_ALONE,
        protocols=CHAT,
        seen=("Assistant message must have either content or tool_calls, but not both.",),
    ),
    Quirk(
        name="roles alternate",  # templates that know no tools
        complaint=_said(
            r"roles? (?:must|should) (?:be )?alternat",
            r"should be alternating",
            r"roles? in a row",
            r"unexpected (?:message )?role",
            r"unknown role",
            r"only user and assistant roles",
            r"(?:invalid value|unknown variant).{0,4}`?'?tool\b",
            r"first message must be from user",
            r"role.{0,20}tool.{0,20}not supported",
        ),
        cure=ALTERNATING,
        protocols=CHAT,
        seen=(
            "Conversation roles must alternate user/assistant/user/assistant/...",
            "After the (optional) system message(s), user and assistant roles should be alternating.",
            "Only user and assistant roles are supported!",
            "Invalid value: 'tool'. Supported values are: 'system', 'assistant', 'user', and 'function'.",
            "messages[2].role: unknown variant `tool`, expected one of `system`, `user`, `assistant`",
        ),
    ),
    Quirk(
        name="calls and results",
        complaint=_said(
            r"tool_use`? (?:ids|blocks?|.{0,40}without)",
            r"unexpected.{0,10}tool_use_id",
            r"no tool (?:output|call) found",
            r"must be (?:followed by|a response to).{0,20}tool",
            r"insufficient tool messages",
            r"preceding message with.{0,4}tool_calls",
            r"number of function (?:response|call)",
            r"function (?:response|call) turn",
            r"not the same number of function calls",
            r"tool_call_ids? .{0,40}(?:did not have|not found)",
            r"(?:toolconfig field must be defined|must define `?tools)",
        ),
        cure=simpler.CALLS_IN_WORDS,
        seen=(
            "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
            "No tool output found for function call call_1.",
            (
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
                " 'tool_call_id'."
            ),
            "Not the same number of function calls and responses",
            (
                "Please ensure that the number of function response parts is equal to the number of function"
                " call parts of"
                " the function call turn."
            ),
            "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            "Requests which include `tool_use` or `tool_result` blocks must define `tools`",
        ),
    ),
    # -- words
    Quirk(
        name="empty words",
        complaint=_said(
            r"content.{0,60}(?:must not be empty|cannot be empty|non-?empty|non-?whitespace|is blank|is empty)",
            r"(?:message|role).{0,60}must not be empty",
            r"at least one content element",
            r"content or tool_calls must be set",
        ),
        cure=NEVER_EMPTY,
        protocols=CHAT,
        seen=(
            "Each message must have at least one content element",
            "Invalid request: the message at position 2 with role 'assistant' must not be empty",
            "messages: text content blocks must be non-empty",
            (
                "The text field in the ContentBlock object at messages.1.content.0 is blank. Add text to the"
                " text field, and"
                " try again."
            ),
            "Invalid assistant message: content or tool_calls must be set",
        ),
    ),
    Quirk(
        name="odd characters",
        complaint=_said(
            r"control char|null (?:byte|character)|\\u0000|surrogate|unicode escape",
            r"could not parse the json body",
            r"invalid (?:utf-?8|unicode)",
        ),
        cure=simpler.PRINTABLE,
        seen=(
            "unsupported Unicode escape sequence: \\u0000 cannot be converted to text.",
            "We could not parse the JSON body of your request.",
            "The request body is not valid JSON: invalid control character",
        ),
    ),
    # -- files
    Quirk(
        name="documents damaged",
        complaint=_said(
            r"password.?protected|encrypted pdf|pdf.{0,60}(?:not valid|invalid|corrupt|encrypted|could not)",
            r"document has no pages|pdf pages|too many pages",
        ),
        cure=cures.DOCUMENT_FILES,
        seen=(
            "messages.0.content.1.pdf.source.base64.data: The PDF specified was password protected.",
            "messages.0.content.1.document.source.base64.data: The PDF specified was not valid.",
            "The document has no pages.",
            "A maximum of 100 PDF pages may be provided.",
        ),
    ),
    Quirk(
        name="too many images",
        complaint=_said(
            r"too many images",
            r"(?:at most|up to|more than|maximum(?: of)?|limit(?: of)?) \d+ images?",
            r"number of images",
        ),
        cure=cures.FEWER_IMAGES,
        seen=(
            "At most 1 image(s) may be provided in one prompt.",
            "Too many images provided. This model supports up to 2 images",
            "Total number of images 3 exceeds the limit of 2",
        ),
    ),
    Quirk(
        name="images too large",
        complaint=_said(
            rf"{_IMAGES}.{{0,80}}(?:too large|exceed|larger than|max allowed size|maximum size|too small)",
            r"image_too_large|(?:pixels|dimensions?).{0,40}(?:exceed|max)",
        ),
        cure=cures.LARGE_FILES,
        seen=(
            "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 7000000 bytes > 5242880 bytes",
            "At least one of the image dimensions exceed max allowed size: 8000 pixels",
            "Image too large. Maximum size is 20 MB.",
        ),
    ),
    Quirk(
        name="images damaged",
        complaint=_said(
            r"(?:process|decode|load|read|open|identify|parse)\w*(?: the)?(?: input| provided)? (?:image|picture)",
            r"(?:image|picture).{0,60}(?:invalid|corrupt|truncated|damaged|not valid|cannot be|not represent)",
            r"(?:invalid|corrupt|unsupported|malformed).{0,12}(?:image|base64|mime|media)(?! input)",
            r"(?:image|media|mime)[ _](?:format|type).{0,60}",
            r"image_parse_error",
        ),
        cure=cures.IMAGE_FILES,
        seen=(
            "messages.0.content.1.image.source.base64.data: Could not process image",
            "Could not process image",
            (
                "The image data you provided does not represent a valid image. Please check your input and try"
                " again with"
                " one of the supported image formats: ['image/jpeg', 'image/png', 'image/gif', 'image/webp']."
            ),
            "You uploaded an unsupported image. Please make sure your image is valid.",
            "Unable to process input image. Please retry or report in the forum.",
            "Failed to load image: cannot identify image file <_io.BytesIO object at 0x7f>",
            "Unsupported MIME type: image/png",
        ),
    ),
    Quirk(
        name="no images",
        complaint=_said(
            rf"{_IMAGES}.{{0,60}}(?:{_NOT}|only supported)",
            rf"{_NO}.{{0,40}}{_IMAGES}",
            r"not an? (?:multimodal|vision)|no endpoints found that support image|mmproj|only supports? text",
            r"unknown variant `image_url`",
            r"invalid type: sequence|content must be a string|content.{0,20}should be a valid string",
        ),
        cure=cures.NO_IMAGES,
        seen=(
            "Invalid content type. image_url is only supported by certain models.",
            "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
            "No endpoints found that support image input",
            "sim-small is not a multimodal model",
            "Image input modality is not enabled for models/gemma-3-1b-it",
            (
                "Failed to deserialize the JSON body into the target type: messages[1]: invalid type: sequence,"
                " expected a"
                " string at line 1 column 99"
            ),
            (
                "'messages.1' : for 'role:user' the following must be satisfied[('messages.1.content' : value must be a"
                " string)]; messages[1].content must be a string"
            ),
            "messages[1]: unknown variant `image_url`, expected `text`",
        ),
    ),
    Quirk(
        name="no documents",
        complaint=_said(rf"(?:pdf|documents?|files?).{{0,60}}{_NOT}", rf"{_NO}.{{0,40}}(?:pdf|documents?|files?)"),
        cure=cures.NO_DOCUMENTS,
        seen=(
            "This model does not support PDF input.",
            "messages.0.content.1: document blocks are not supported by this model",
            "Invalid value: 'input_file'. Files are not supported with this model.",
        ),
    ),
    # -- tools
    Quirk(
        name="search beside a tool of its name",
        complaint=_said(r"tool names must be unique"),
        cure=cures.NO_SEARCH,
        protocols=_LABS,
        seen=("tools: Tool names must be unique.",),
    ),
    Quirk(
        name="no search",
        complaint=_said(r"web.?search|search grounding|google_?search|hosted tool|server tool"),
        cure=cures.NO_SEARCH,
        protocols=_LABS,
        seen=(
            "Web search is not enabled for your organization.",
            "Search Grounding is not supported.",
            "Hosted tool 'web_search' is not supported with this model.",
        ),
    ),
    Quirk(
        name="no tools",  # Ollama, vLLM without --enable-auto-tool-choice, llama.cpp without --jinja, Gemma at Google
        complaint=_said(
            rf"{_NO}.{{0,30}}\b(?:tools?|functions?|function calling)\b",
            r"enable-auto-tool-choice|tools? (?:param )?requires",
            rf"(?:tools?|tool use|function calling)`?(?: is| are)? {_NOT}",
            r"no endpoints found that support tool",
        ),
        cure=cures.NO_TOOLS,
        seen=(
            "registry.ollama.ai/library/gemma:2b does not support tools",
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
            "tools param requires --jinja flag",
            "Function calling is not enabled for models/gemma-3-27b-it",
            "No endpoints found that support tool use.",
        ),
    ),
    Quirk(
        name="a tool's schema",
        complaint=_said(
            r"grammar|schema|repetition",
            r"(?:tools|function_?declarations|functions)'?[.\[]?\W{0,2}\d",
            r"function name|invalid 'tools",
        ),
        cure=cures.ONE_TOOL,
        seen=(
            "Failed to initialize samplers: failed to parse grammar",
            "Invalid schema for function 'odd': In context=('properties', 'x'), array schema missing items",
            "tools.1.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12",
            "* GenerateContentRequest.tools[0].function_declarations[1].parameters: schema is too deep",
        ),
    ),
    # -- all of it
    Quirk(
        name="too large with its files",
        complaint=_said(
            r"request_too_large|entity too large",
            r"(?:payload|body|request) (?:body |size )?(?:too large|exceeds)",
        ),
        cure=simpler.NO_EARLIER_FILES,
        seen=("Request payload size exceeds the limit: 20971520 bytes.", "413 Request Entity Too Large"),
    ),
    Quirk(
        name="flagged",
        complaint=_said(
            r"content.?(?:filter|policy|management)|flagged|moderation|inappropriate|high risk|data.?inspection",
            r"usage policy|prohibited|sensitive (?:content|words?)",
        ),
        cure=simpler.ONLY_QUESTION,
        anywhere=False,
        seen=(
            "Input data may contain inappropriate content.",
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
            "The request was rejected because it was considered high risk",
        ),
    ),
    # -- what tells no more than what it is about
    Quirk(
        name="something about tools",
        complaint=_said(r"\btools?\b|tool_|\bfunctions?\b"),
        cure=simpler.CALLS_IN_WORDS,
        anywhere=False,
        seen=("the tool messages of this conversation are odd",),
    ),
    Quirk(
        name="something about files",
        complaint=_said(r"\bimages?\b|\bpictures?\b|\bmedia\b|\bfiles?\b|\bdocuments?\b|\bpdf\b|inlineData|attachment"),
        cure=cures.FILES,
        anywhere=False,
        seen=("bad file", "the media could not be handled"),
    ),
)

RUNGS: tuple[Cure, ...] = (
    simpler.NO_EARLIER_FILES,
    simpler.CALLS_IN_WORDS,
    simpler.ONLY_QUESTION,
    simpler.ONLY_WORDS,
    cures.NO_TOOLS,
)
"""Ever simpler forms of a request, for complaints that nobody knows."""

CURES: dict[str, Cure] = {cure.name: cure for cure in (*RUNGS, *(quirk.cure for quirk in QUIRKS))}
"""By name, in the order in which several are applied."""
