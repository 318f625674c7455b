"""The rules of taxes: parsed exactly, rounded half up once for each rate, given back to the last cent."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.errors import InvalidTaxRate
from hedgerow_billing.domain.invoice import Invoice
from hedgerow_billing.domain.lines import InvoiceLine, Totals
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.taxes import TaxRate
from hedgerow_core.domain import new_id

EUR = Currency("EUR")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
CN = DocumentNumber("CN", 1)

rates = st.integers(0, 100_000).map(TaxRate)
taxed_lines = st.lists(
    st.builds(
        lambda quantity, price, rate: InvoiceLine(
            description="Hedge", quantity=quantity, unit_price=Money(price, EUR), tax_rate=rate
        ),
        st.integers(1, 1000),
        st.integers(0, 100_000),
        st.sampled_from([TaxRate(0), TaxRate(7_000), TaxRate(19_000), TaxRate(8_875)]) | rates,
    ),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize(
    ("written", "thousandths"),
    [("0", 0), ("19", 19_000), ("8.875", 8_875), ("5.5", 5_500), ("100", 100_000), ("0.001", 1), ("07", 7_000)],
)
def test_a_rate_is_read_exactly(written: str, thousandths: int) -> None:
    assert TaxRate.parse(written) == TaxRate(thousandths)


@pytest.mark.parametrize(
    "written",
    [
        "",
        " 19",
        "19 ",
        "-1",
        "+1",
        "19%",
        "8.8755",
        "100.001",
        "101",
        "1e1",
        ".5",
        "5.",
        "1,5",
        "NaN",
        "١٩",
        "19\n",
    ],
)
def test_what_is_no_percentage_is_refused(written: str) -> None:
    with pytest.raises(InvalidTaxRate):
        TaxRate.parse(written)


@given(rates)
def test_a_rate_reads_back_as_it_is_written(rate: TaxRate) -> None:
    assert TaxRate.parse(str(rate)) == rate


@pytest.mark.parametrize(
    ("net", "rate", "tax"),
    [(50, "1", 1), (49, "1", 0), (150, "1", 2), (250, "1", 3), (100, "8.875", 9), (1, "50", 1), (0, "19", 0)],
)
def test_half_a_minor_unit_is_rounded_up(net: int, rate: str, tax: int) -> None:
    assert TaxRate.parse(rate).on(Money(net, EUR)) == Money(tax, EUR)


@given(st.integers(0, 10**12), rates)
def test_no_tax_is_further_than_half_a_minor_unit_from_the_exact_one(net: int, rate: TaxRate) -> None:
    exact = Fraction(net * rate.thousandths, 100_000)
    off = rate.on(Money(net, EUR)).amount - exact
    assert Fraction(-1, 2) < off <= Fraction(1, 2)


def test_many_small_lines_of_one_rate_are_rounded_once() -> None:
    line = InvoiceLine(description="Twig", quantity=1, unit_price=Money(1, EUR), tax_rate=TaxRate.parse("19"))
    totals = Totals.of([line] * 100, EUR)
    assert (totals.net.amount, totals.tax.amount, totals.total.amount) == (100, 19, 119)
    assert TaxRate.parse("19").on(line.net).amount == 0, "each for itself would come to nothing"


@given(taxed_lines)
def test_the_total_is_the_net_and_the_tax_of_every_rate(lines: list[InvoiceLine]) -> None:
    totals = Totals.of(lines, EUR)
    assert [tax.rate for tax in totals.taxes] == sorted({line.tax_rate for line in lines})
    assert (
        totals.net.amount == sum(line.net.amount for line in lines) == sum(tax.net.amount for tax in totals.taxes)
    )
    assert totals.tax.amount == sum(tax.amount.amount for tax in totals.taxes)
    assert totals.total == totals.net + totals.tax
    assert all(tax.amount == tax.rate.on(tax.net) for tax in totals.taxes)


@given(taxed_lines, st.data())
def test_in_whatever_parts_all_is_refunded_exactly_the_tax_comes_back(
    lines: list[InvoiceLine], data: st.DataObject
) -> None:
    invoice = Invoice.draft(customer_id=new_id(), currency=EUR, lines=lines, at=NOW)
    if invoice.total.amount == 0:
        return
    invoice.open(DocumentNumber("INV", 1), NOW)
    credits = data.draw(st.lists(st.integers(1, invoice.total.amount), max_size=5))
    for amount in credits:
        if amount < invoice.due.amount:
            invoice.credit(CN, Money(amount, EUR), "less", NOW)
    invoice.payment_succeeded(invoice.request_payment(NOW).id, "ref", NOW)
    while invoice.refundable.amount:
        most = invoice.refundable.amount
        part = most if len(invoice.refunds) > 8 else data.draw(st.integers(1, most))
        refund = invoice.request_refund(Money(part, EUR), "back", NOW)
        invoice.refund_succeeded(refund.id, "ref", CN, NOW)

    taxes = [note.tax.amount for note in invoice.credit_notes]
    assert sum(taxes) == invoice.totals.tax.amount
    assert sum(note.net.amount for note in invoice.credit_notes) == invoice.totals.net.amount
    assert all(0 <= note.tax.amount <= note.amount.amount for note in invoice.credit_notes)
