"""What is known of models in advance: the right entry for each way to write an id, and nothing made up."""

from datetime import date

import pytest

from core.config.models import ModelNotes, QualityNotes
from core.exchange import Model
from core.models.catalogue import Catalogue, Facts, shipped

LABS = {"anthropic", "openai", "google", "xai", "alibaba"}


@pytest.mark.parametrize(
    "written, known",
    [
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("claude-mythos-5", "claude-mythos-5-1"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("models/gemini-4-argon", "gemini-4-argon"),
        ("qwen3.8-max-0902", "qwen3.8-max"),
        ("qwen3:8b", "qwen3"),
        ("Qwen/Qwen3-8B-GGUF", "qwen3"),
        ("llama3.2:latest", "llama-3.3"),
        ("Llama-3.1-8B-Instruct", "llama-3.3"),
        ("google/gemma-3-12b", "gemma-3"),
        ("gpt-oss:20b", "gpt-oss"),
        ("smollm2:135m", "smollm2"),
        ("deepseek-r1:7b", "deepseek-r1"),
    ],
)
def test_an_id_is_known_however_it_is_written(written: str, known: str) -> None:
    """With a date, a tag, a publisher, a size or a file's format: it is the same model."""
    found = shipped().find(written)
    assert found is not None
    assert (found.facts.id, found.itself) == (known, True)


@pytest.mark.parametrize(
    "written, relative",
    [("claude-opus-5-9", "claude-opus-5"), ("gpt-7", "gpt"), ("qwen3.9-next", "qwen"), ("gpt-5-pro", "gpt-5")],
)
def test_of_a_newer_relative_only_what_its_line_can_do_is_known(written: str, relative: str) -> None:
    """It is not shut down on another one's day, and is not its lab's choice of a size."""
    found = shipped().find(written)
    assert found is not None
    assert (found.facts.id, found.itself) == (relative, False)
    facts = shipped().facts("x", written)
    assert (facts.retires, facts.tier, facts.prices) == ("", "", ())


@pytest.mark.parametrize("strange", ["", "my-finetune", "codeqwen", "clau", "gptx", "no/such:model"])
def test_of_a_stranger_nothing_is_claimed(strange: str) -> None:
    """A window nobody knows stays unknown, and what it can do is what its provider says."""
    assert shipped().find(strange) is None
    model = Model(id=strange, images=True)
    assert shipped().described("local", model) == model


@pytest.mark.parametrize(
    "model, day",
    [
        ("claude-sonnet-4-5-20250929", "2026-11-30"),
        ("gpt-5-mini", "2026-12-11"),
        ("o3", "2026-12-11"),
        ("gpt-4o-mini", "2027-01-14"),
        ("gpt-4.1", "2027-01-14"),
        ("gpt-5.1", "2027-04-01"),
        ("gpt-6.2-sol", ""),
    ],
)
def test_the_last_days_are_known(model: str, day: str) -> None:
    """As their labs announced them."""
    assert shipped().facts("x", model).retires == day


def test_each_lab_has_a_model_of_each_size_and_one_of_each() -> None:
    """What is taken where somebody asks for the small, the middle or the best one."""
    sizes = [(facts.lab, facts.tier) for facts in shipped().entries if facts.tier]
    assert set(sizes) == {(lab, tier) for lab in LABS for tier in ("small", "mid", "flagship")}
    assert len(sizes) == len(set(sizes))


def test_no_name_stands_for_two_models() -> None:
    """An id or alias leads to one entry, and days and families are written well."""
    starts = [start for facts in shipped().entries for start in (facts.id, *facts.aliases)]
    assert len(starts) == len(set(starts))
    assert all(start == start.lower() for start in starts)
    for facts in shipped().entries:
        assert facts.family, facts.id
        assert facts.retires == "" or date.fromisoformat(facts.retires) > date(2026, 11, 1)


class TestMerging:
    """The provider's word, else the operator's, else the catalogue's; of abilities the operator's comes first."""

    NOTES = ModelNotes(context_tokens=16_000, images=False, documents=True, retires="2027-05-05", note="Ask first.")

    def catalogue(self) -> Catalogue:
        known = Facts(
            id="m",
            lab="lab",
            context_tokens=100_000,
            output_tokens=8000,
            images=True,
            search=True,
            retires="2027-01-01",
        )
        return Catalogue((known,), {}, {"lab/m": self.NOTES})

    def test_a_provider_that_says_something_is_believed(self) -> None:
        """It knows what it was started with; what it cannot do it cannot do."""
        said = Model(id="m", context_tokens=4096, tools=False, images=True, retires="2026-12-24", note="Busy.")
        model = self.catalogue().described("lab", said)
        assert (model.context_tokens, model.tools) == (4096, False)
        assert (model.retires, model.note) == ("2026-12-24", "Busy.")

    def test_the_operator_corrects_the_catalogue(self) -> None:
        """A key that is left out changes nothing."""
        model = self.catalogue().described("lab", Model(id="m"))
        assert (model.context_tokens, model.output_tokens) == (16_000, 8000)
        assert (model.images, model.documents, model.search) == (False, True, True)
        assert (model.retires, model.note) == ("2027-05-05", "Ask first.")

    @pytest.mark.parametrize("ability", ["tools", "images", "documents", "search", "effort"])
    @pytest.mark.parametrize("says", [True, False])
    def test_what_the_operator_says_of_abilities_has_the_last_word(self, ability: str, says: bool) -> None:
        """Some providers claim one thing for all their models; whoever writes it down knows better."""
        catalogue = self.catalogue().noting({"lab/m": ModelNotes.model_validate({ability: says})})
        claimed = Model(id="m", tools=not says, images=not says, documents=not says, search=not says, effort=not says)
        assert getattr(catalogue.described("lab", claimed), ability) is says

    def test_the_operators_word_is_about_one_providers_model(self) -> None:
        """Another one with the same model is as the catalogue has it."""
        model = self.catalogue().described("proxy", Model(id="m"))
        assert (model.context_tokens, model.images) == (100_000, True)

    def test_what_a_lab_does_beside_talking_is_had_from_the_lab_alone(self) -> None:
        """A proxy of it does not search the web."""
        assert self.catalogue().described("lab", Model(id="m")).search
        assert not self.catalogue().described("proxy", Model(id="m")).search

    def test_a_server_of_ones_own_has_the_window_it_was_started_with(self) -> None:
        """What the model was trained for is no promise, and no lab shuts it down; what the operator says counts."""
        own = self.catalogue().described("proxy", Model(id="m", hosting="self"))
        assert (own.context_tokens, own.output_tokens, own.retires) == (0, 0, "")
        assert self.catalogue().described("lab", Model(id="m", hosting="self")).context_tokens == 16_000

    def test_the_operator_may_say_where_it_runs(self) -> None:
        """A compatible server may be anywhere."""
        catalogue = self.catalogue().noting({"lab/m": ModelNotes(hosting="self")})
        assert catalogue.described("lab", Model(id="m")).hosting == "self"

    def test_a_model_of_the_operators_own_is_added(self) -> None:
        """The catalogue need not know it."""
        notes = ModelNotes(context_tokens=9000, images=True, quality=QualityNotes(code=3), tier="small")
        catalogue = shipped().noting({"local/mine": notes})
        assert catalogue.described("local", Model(id="mine")).context_tokens == 9000
        assert catalogue.facts("local", "mine").quality.code == 3
