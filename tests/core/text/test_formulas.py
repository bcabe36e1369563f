"""Formulas in plain letters, where a platform sets none."""

import pytest

from core.text.formulas import is_formula, readable


@pytest.mark.parametrize(
    "latex, letters",
    [
        (r"x^2 + \frac{1}{2}", "x² + ½"),
        (r"\int_0^\infty e^{-x}\,dx = 1", "∫₀^∞ e⁻ˣ dx = 1"),
        (r"\sum_{i=1}^{n} a_i", "∑ᵢ₌₁ⁿ aᵢ"),
        (r"\frac{a+b}{2}", "(a+b)/2"),
        (r"\frac{x}{yz}", "x/(yz)"),
        (r"\sqrt[3]{x+1}", "∛(x + 1)"),
        (r"\hat{x}", "x\u0302"),
        (r"\mathbb{R}^n \to \mathbb{R}", "ℝⁿ → ℝ"),
        (r"\text{rate} = 5\%", "rate = 5%"),
        (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", "(a, b; c, d)"),
        (r"90^\circ", "90°"),
        (r"\sin x", "sin x"),
        ("a + b", "a + b"),
        (r"\unknown{x}", r"\unknown{x}"),
        (r"\frac{1}{", r"\frac{1}{"),
        ("{" * 300, "{" * 300),
    ],
)
def test_a_formula_in_letters(latex: str, letters: str) -> None:
    """As it was written where it says more than they can."""
    assert readable(latex) == letters


@pytest.mark.parametrize("inside", ["x", "a+b", "2n", r"\alpha", "f(x)", "i < n", "E = mc^2"])
def test_mathematics_is_a_formula(inside: str) -> None:
    """What people write between dollar signs."""
    assert is_formula(inside)


@pytest.mark.parametrize(
    "inside, after", [("5 and ", ""), ("395k–", "4"), ("", ""), ("HOME and ", ""), ("100/month", "")]
)
def test_money_and_names_are_none(inside: str, after: str) -> None:
    """Nor what a number follows."""
    assert not is_formula(inside, after)
