# SPDX-License-Identifier: Apache-2.0
"""Which datasets and fields answer what people ask: what it cost, who was active, how many have a seat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """A count of credits that the vendor's API gives no price for.

    :param axes: the breakdowns by who pays for a credit, in small letters: the first that a bucket has.
    :param paid: its category of credits that cost money.
    :param free: its category of credits that cost nothing.
    """

    axes: tuple[str, ...]
    paid: str
    free: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendFields:
    """A dataset that says what was spent.

    :param is_whole: whether its rows add up to the whole organization; else they are what members can be named for.
    :param amount: the field with the money; empty where ``credits`` says how the count becomes money.
    :param list_amount: the field with the money at list price.
    :param product: the field with the product.
    :param product_name: the product of all rows, where no field says it.
    :param model: the field with the model.
    :param member: the fields that name a member, the preferred one first.
    """

    dataset: str
    is_whole: bool
    amount: str = ""
    list_amount: str = ""
    credits: Credits | None = None
    product: str = ""
    product_name: str = ""
    model: str = ""
    member: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFields:
    """A dataset that says who was active, or how many were.

    :param surfaces: by surface the fields of which one is above zero where the member was active; without members, the
        one field that counts the active ones.
    :param member: the fields that name a member, the preferred one first; empty for a dataset of counts.
    """

    dataset: str
    surfaces: Mapping[str, tuple[str, ...]]
    member: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionFields:
    """A dataset that says how many seats there are and how many members were active.

    :param active: by the number of trailing days the field that counts the members active in them.
    """

    dataset: str
    seats: str
    active: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a vendor's datasets answer; of datasets that answer the same, the preferred one first."""

    spend: tuple[SpendFields, ...] = ()
    activity: tuple[ActivityFields, ...] = ()
    adoption: tuple[AdoptionFields, ...] = field(default=())
