"""What the labs say when they do not answer, and what we take it for: failover and the rest of keys go by that."""

import pytest

from core.errors import (
    ContextTooLong,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefusedUs,
    QuotaUsedUp,
    RequestRefused,
)
from providers.faults import refusal

QUOTA = "You exceeded your current quota, please check your plan and billing details."
LINKS = "For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits . " * 3


def exhausted(quota: str = "", *, said: str = QUOTA, delay: str = "") -> dict[str, object]:
    """Google's word for something that is used up."""
    rpc = "type.googleapis.com/google.rpc."
    details: list[object] = [{"@type": f"{rpc}Help", "links": []}]
    if quota:
        details.append({"@type": f"{rpc}QuotaFailure", "violations": [{"quotaId": quota, "quotaValue": "10"}]})
    if delay:
        details.append({"@type": f"{rpc}RetryInfo", "retryDelay": delay})
    return {"error": {"code": 429, "message": said, "status": "RESOURCE_EXHAUSTED", "details": details}}


@pytest.mark.parametrize(
    "body, kind, waits_s",
    [
        (exhausted("GenerateRequestsPerMinutePerProjectPerModel", delay="31.5s"), ProviderBusy, 31.5),
        (exhausted("GenerateRequestsPerDayPerProjectPerModel-FreeTier", delay="12s"), QuotaUsedUp, 3600.0),
        (exhausted(), ProviderBusy, None),
        (
            exhausted(said=f"{QUOTA} {LINKS}\n* Quota exceeded for metric: free_tier_requests, limit: 0"),
            ProviderRefusedUs,
            None,
        ),
        (exhausted(said="Your prepayment credits are depleted."), ProviderRefusedUs, None),
    ],
    ids=["minute", "day", "untold", "no-plan", "no-money"],
)
@pytest.mark.parametrize("status", [429, 0])
def test_what_is_used_up_at_google_comes_back(
    status: int, body: dict[str, object], kind: type[ProviderError], waits_s: float | None
) -> None:
    """In a minute or in a day, though its words are those of an unpaid bill; as an answer, in a stream, in a list."""
    for said in (body, [body]):
        error = refusal(status, said)
        assert (type(error), error.retry_after_s) == (kind, waits_s)


@pytest.mark.parametrize(
    "said",
    [
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
        "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
    ],
)
def test_anthropic_wants_money_under_a_status_that_means_something_else(said: str) -> None:
    """So another model, or another key, takes over: the request is not to blame."""
    assert type(refusal(400, {"type": "error", "error": {"type": "invalid_request_error", "message": said}})) is (
        ProviderRefusedUs
    )


@pytest.mark.parametrize(
    "code, kind",
    [
        ("insufficient_quota", ProviderRefusedUs),
        ("rate_limit_exceeded", ProviderBusy),
        ("server_error", ProviderDown),
        ("context_length_exceeded", ContextTooLong),
        ("invalid_prompt", RequestRefused),
        ("image_content_policy_violation", RequestRefused),
    ],
)
def test_a_code_of_openai_counts_inside_a_stream(code: str, kind: type[ProviderError]) -> None:
    """Whatever the sentence beside it says, in either of the two forms it comes in."""
    said = "The request was invalid_request or unsupported, sorry."
    assert type(refusal(0, {"type": "error", "code": code, "message": said, "param": None})) is kind
    assert type(refusal(0, {"error": {"code": code, "message": said}})) is kind


@pytest.mark.parametrize(
    "code, kind",
    [
        ("authentication_error", ProviderRefusedUs),
        ("billing_error", ProviderRefusedUs),
        ("rate_limit_error", ProviderBusy),
        ("overloaded_error", ProviderBusy),
        ("api_error", ProviderDown),
        ("timeout_error", ProviderDown),
        ("request_too_large", ContextTooLong),
        ("invalid_request_error", RequestRefused),
    ],
)
def test_a_type_of_anthropic_counts_inside_a_stream(code: str, kind: type[ProviderError]) -> None:
    """As its status would, had the complaint come before the answer began."""
    assert type(refusal(0, {"type": "error", "error": {"type": code, "message": "Sorry."}})) is kind
