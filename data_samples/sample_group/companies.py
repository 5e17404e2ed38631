"""The group itself: one holding and sixteen companies in three segments, all fictional."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Ints, ids, month_of
from sample_group.window import Window

__all__ = ["COMPANIES", "Company", "companies_frame", "reported_on"]


@dataclass(frozen=True)
class Company:
    """A company of the group; `parent` is the number of the company that holds it."""

    number: int
    name: str
    segment: str | None
    parent: int | None
    business: str
    industry: str
    core_system: bool = False

    @property
    def org_id(self) -> str:
        """Return the id in the group's own books."""
        return f"ORG-{self.number:02d}"


COMPANIES: Final = (
    Company(1, "岱澜控股集团有限公司（虚构）", None, None, "投资控股", "L"),
    Company(2, "岱澜融资租赁有限公司（虚构）", "financial", 1, "融资租赁", "L", core_system=True),
    Company(3, "岱澜小额贷款有限公司（虚构）", "financial", 1, "小额贷款", "J", core_system=True),
    Company(4, "岱澜基金管理有限公司（虚构）", "financial", 1, "基金管理", "J"),
    Company(5, "岱澜民间资本管理有限公司（虚构）", "financial", 1, "民间资本管理、委托贷款", "J"),
    Company(6, "澜曜电池股份有限公司（虚构）", "industrial", 1, "储能与动力电池", "C", core_system=True),
    Company(7, "澜曜圆柱电芯有限公司（虚构）", "industrial", 6, "圆柱锂离子电芯", "C"),
    Company(8, "岱纤复合材料有限公司（虚构）", "industrial", 1, "碳纤维", "C"),
    Company(9, "澜川产业投资有限公司（虚构）", "industrial", 1, "产业投资", "L"),
    Company(10, "海澜湾盐业有限公司（虚构）", "industrial", 9, "海盐与井矿盐", "B"),
    Company(11, "澜川粉体新材料有限公司（虚构）", "industrial", 9, "金属粉体材料", "C"),
    Company(12, "沧澜海洋工程有限公司（虚构）", "industrial", 1, "海洋工程装备", "C"),
    Company(13, "晶澜光电科技有限公司（虚构）", "industrial", 1, "光电器件", "C"),
    Company(14, "岱澜实业发展有限公司（虚构）", "asset", 1, "园区开发与项目管理", "K", core_system=True),
    Company(15, "岱澜工程勘察院有限公司（虚构）", "asset", 1, "工程勘察", "M"),
    Company(16, "岱澜产业服务有限公司（虚构）", "asset", 14, "物业与园区服务", "K"),
    Company(17, "岱澜资产运营有限公司（虚构）", "asset", 1, "资产运营", "L"),
)


def companies_frame(window: Window) -> pl.DataFrame:
    """Return the table of the group's companies, known from the first day."""
    numbers = pl.Series([company.number for company in COMPANIES], dtype=pl.Int32)
    return pl.DataFrame(
        {
            "org_id": [company.org_id for company in COMPANIES],
            "party_id": ids("P", numbers.to_numpy(), 7),
            "name": [company.name for company in COMPANIES],
            "segment": [company.segment for company in COMPANIES],
            "parent_org_id": [
                f"ORG-{company.parent:02d}" if company.parent else None for company in COMPANIES
            ],
            "business": [company.business for company in COMPANIES],
            "has_core_system": [company.core_system for company in COMPANIES],
            "known_at": [window.start] * len(COMPANIES),
        }
    )


def reported_on(org: Ints, day: Ints) -> Ints:
    """Return when a company's record of a day reaches the group; `org` counts companies from 0.

    A core system reports the next day. The others hand in a sheet a month, on the 8th to the 15th of the month after.
    """
    core = np.array([company.core_system for company in COMPANIES])
    month = month_of(day) + np.int32(1)
    delivery = (
        month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int32) + 7 + (org * 5 + month * 3) % 8
    )
    return np.where(core[org], day + 1, delivery).astype(np.int32)
