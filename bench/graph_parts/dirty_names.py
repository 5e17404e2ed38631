"""Party lists as several companies keep them: true companies, look-alikes among them, and records with slips.

The words are the generator's own; it shares no table with the rules that it is to test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import polars as pl

from graph.credit_code import check_character

__all__ = ["MIXES", "Mix", "dirty_records"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_CITIES: Final = {
    "山东": "济南 青岛 烟台 潍坊 临沂 淄博 济宁 泰安 威海 日照 德州 聊城 滨州 菏泽 枣庄 东营",
    "江苏": "南京 苏州 无锡 常州 徐州 南通 扬州 盐城",
    "浙江": "杭州 宁波 温州 绍兴 嘉兴 湖州",
    "河北": "石家庄 唐山 保定 沧州 邯郸",
    "河南": "郑州 洛阳 新乡 南阳",
    "广东": "广州 深圳 佛山 东莞 中山 珠海",
    "湖北": "武汉 宜昌 襄阳",
    "四川": "成都 绵阳 宜宾",
    "福建": "厦门 福州 泉州",
    "陕西": "西安 宝鸡 咸阳",
    "上海": "上海",
    "天津": "天津",
    "北京": "北京",
}
_COUNTIES: Final = _words(
    """
    章丘 诸城 寿光 邹城 昆山 江阴 义乌 慈溪 晋江 胶州 龙口 曲阜 滕州 太仓 海宁
    """
)
_BRANDS: Final = (
    "恒泽铭瑞沃昊源启辰诚朗益丰嘉隆锦华尚宏远景润达盛祥鼎卓凯信弘毅博雅睿翔腾晟佑岳汇聚合金银天地海川江河山石玉龙凤鹤鹏飞鸿云雪冰春秋"
    "晨阳光辉明亮新兴旺顺和平安康宁福禄寿喜乐善美佳优良正中大同广通利民国泰富贵荣耀"
)
_OTHER_BRANDS: Final = (
    "骏驰拓普擎锐创科蓝柏森林木桥梁柱基磐岩峰岭峡谷湾港帆舟航翼羽"
    "衡度量方圆钧铎钰琪珂瑾瑜璐琳岚霖霏雯霞虹彤彬斌炎焕煌炫烁灿"
)
_TRADES: Final = _words(
    """
    新材料 机械制造 化工 电子科技 纺织 食品 建筑工程 装饰工程 商贸 贸易 供应链管理 物流 运输 仓储服务
    酒店管理 餐饮管理 软件开发 信息技术 投资咨询 房地产开发 置业 设备租赁 企业管理 检测技术 园林绿化
    汽车服务 农业科技 矿业 石油化工 医疗器械 电力设备 热力 包装材料 印刷 服装 家具制造 水产 种业
    环保工程 进出口贸易
    """
)
_OTHER_TRADES: Final = _words(
    """
    智能装备 精密模具 橡塑制品 玻璃 陶瓷 钢结构 起重机械 阀门 电缆 锂电池 碳纤维 盐化 造纸 制药
    生物工程 文化传媒 广告 教育咨询 人力资源 安防工程
    """
)
_FORMS: Final = (("有限公司", 0.72), ("有限责任公司", 0.14), ("股份有限公司", 0.11), ("集团有限公司", 0.03))
# characters that an input method offers for one syllable
_HOMOPHONES: Final = _words(
    """
    恒衡横 泽择 铭明鸣名 瑞锐 沃握 昊浩皓 源元园原圆 启起企 辰晨晨臣 诚成城程 益义亿艺 丰风锋峰
    嘉佳家加 隆龙 锦金今 华花 宏弘鸿洪虹 远元 景井 润闰 达答 盛胜圣 祥翔详 鼎顶 卓桌 凯开 信新鑫欣
    毅意 博伯 雅亚 腾藤 佑友右 岳月悦 汇惠慧会 聚巨 合和河禾 天添 海孩 川传 山杉 石实时 玉宇雨 凤奉
    云芸 春纯 秋丘 阳洋扬 光广 辉晖灰 亮良 兴星 顺舜 平萍 安桉 康慷 宁凝 福富 美每 正政 中众 大达
    通同 利立力 民敏 国果 泰太 荣容 耀要 商尚 贸茂 机基 工公 材才 制治 电店 科可 食时 建健 程成
    物务 流留 运韵 软阮 件建 询寻 置志 租足 检简 园元 林琳 汽气 农浓 医依 设社 备倍 力利 包苞
    印引 服福 具巨 环还 保宝
    """
)
_SHAPES: Final = _words(
    """
    泽择 铭洺 恒桓 侯候 未末 晨农 锦绵 源沅 祥样 洁浩 辉挥 博搏 汇江 旺汪 晴睛 拓托 凤风 贷货
    料科
    """
)
_SHORT_TRADES: Final = (
    ("房地产开发", "地产"),
    ("石油化工", "石化"),
    ("供应链管理", "供应链"),
    ("建筑工程", "建工"),
    ("进出口贸易", "进出口"),
)
_OLD_SCRIPT: Final = dict(
    zip("国华东团业电机实发丰龙贸资产际兴达远润", "國華東團業電機實發豐龍貿資產際興達遠潤", strict=True)
)
_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@dataclass(frozen=True)
class Mix:
    """How often each slip happens in a record, how often a code is given, and which words the companies use."""

    width: float = 0.10
    spaces: float = 0.08
    form_changed: float = 0.08
    form_dropped: float = 0.04
    city_dropped: float = 0.05
    city_in_brackets: float = 0.05
    province_added: float = 0.06
    homophone: float = 0.02
    shape: float = 0.006
    other_character: float = 0.004
    omitted: float = 0.008
    doubled: float = 0.004
    swapped: float = 0.004
    shortened: float = 0.03
    reordered: float = 0.008
    remark: float = 0.03
    old_script: float = 0.01
    code_given: float = 0.75
    code_mistyped: float = 0.03
    look_alikes: float = 0.25
    counties: bool = False
    other_words: bool = False


MIXES: Final = {
    "everyday": Mix(),
    # held out: other words, county-level places, more slips, fewer codes. Its totals are reported, its errors were never
    # read to change a rule; it shares the kinds of slip with the first mix, so it tests other words, not other habits
    "unseen": Mix(width=0.2, spaces=0.15, form_changed=0.15, form_dropped=0.06, city_dropped=0.03, city_in_brackets=0.10,
                  province_added=0.12, homophone=0.03, shape=0.008, other_character=0.006, omitted=0.012, doubled=0.008,
                  swapped=0.006, shortened=0.02, reordered=0.012, remark=0.06, old_script=0.04, code_given=0.65,
                  code_mistyped=0.05, look_alikes=0.35, counties=True, other_words=True),
}  # fmt: skip


@dataclass
class _Company:
    """A true company: the parts of its name and its code."""

    province: str
    city: str
    brand: str
    trade: str
    form: str
    code: str
    tail: str = ""

    @property
    def name(self) -> str:
        return f"{self.city}{self.brand}{self.trade}{self.form}{self.tail}"


def dirty_records(count: int, *, mix: Mix, seed: int) -> pl.DataFrame:
    """Return about `count` records [party_id, kind, name, credit_code, truth] in mixed order; `truth` numbers the company."""
    rng = Random(seed)  # noqa: S311 - generated names, no secret
    companies = _companies(max(2, round(count / 2.5)), mix, rng)
    rows = []
    for number, company in enumerate(companies):
        for _ in range(_copies(rng)):
            rows.append((_dirty_name(company, mix, rng), _dirty_code(company.code, mix, rng), number))  # noqa: PERF401
    rng.shuffle(rows)
    rows = rows[:count]
    return pl.DataFrame(
        {
            "party_id": [f"R{number:07}" for number in range(len(rows))],
            "kind": ["company"] * len(rows),
            "name": [row[0] for row in rows],
            "credit_code": [row[1] for row in rows],
            "truth": [row[2] for row in rows],
        },
        schema_overrides={"credit_code": pl.String},
    )


def _copies(rng: Random) -> int:
    return rng.choices((1, 2, 3, 4, 6, 10), weights=(0.34, 0.28, 0.18, 0.11, 0.07, 0.02))[0]


def _companies(count: int, mix: Mix, rng: Random) -> list[_Company]:
    places = [(province, city) for province, cities in _CITIES.items() for city in cities.split()]
    if mix.counties:
        places += [("", county) for county in _COUNTIES]
    brands = _BRANDS + (_OTHER_BRANDS if mix.other_words else "")
    trades = [*_TRADES, *(_OTHER_TRADES if mix.other_words else [])]
    made: dict[str, _Company] = {}
    while len(made) < count:
        province, city = rng.choice(places)
        brand = "".join(rng.sample(brands, rng.choices((2, 3, 4), weights=(0.6, 0.2, 0.2))[0]))
        form = rng.choices([text for text, _ in _FORMS], weights=[share for _, share in _FORMS])[0]
        company = _Company(province, city, brand, rng.choice(trades), form, _code(rng))
        made.setdefault(company.name, company)
        if rng.random() < mix.look_alikes:
            other = rng.choice(_LOOK_ALIKES)(company, brands, trades, places, rng)
            made.setdefault(other.name, other)
    return list(made.values())


def _code(rng: Random) -> str:
    first = "91" + f"{rng.randrange(110100, 659000):06}" + "".join(rng.choices(_ALPHABET, k=9))
    return first + check_character(first)


def _elsewhere(
    like: _Company, _brands: str, _trades: Sequence[str], places: Sequence[tuple[str, str]], rng: Random
) -> _Company:
    province, city = rng.choice(places)
    return _Company(province, city, like.brand, like.trade, like.form, _code(rng))


def _numbered(
    like: _Company, _brands: str, _trades: Sequence[str], _places: Sequence[tuple[str, str]], rng: Random
) -> _Company:
    like.brand += rng.choice(("第一", "一号"))
    second = like.brand.replace("一", rng.choice("二三四五"))
    return _Company(like.province, like.city, second, like.trade, like.form, _code(rng))


def _one_character_off(
    like: _Company, brands: str, _trades: Sequence[str], _places: Sequence[tuple[str, str]], rng: Random
) -> _Company:
    at = rng.randrange(len(like.brand))
    brand = like.brand[:at] + rng.choice(brands) + like.brand[at + 1 :]
    return _Company(like.province, like.city, brand, like.trade, like.form, _code(rng))


def _same_sound(
    like: _Company, _brands: str, _trades: Sequence[str], _places: Sequence[tuple[str, str]], rng: Random
) -> _Company:
    # a true homophone is rare: most trade marks that sound alike are refused within one district
    brand = (
        _replaced(like.brand, _HOMOPHONES, rng)
        if rng.random() < 0.15
        else like.brand[::-1] + rng.choice(_BRANDS)
    )
    return _Company(like.province, like.city, brand, like.trade, like.form, _code(rng))


def _daughter(
    like: _Company, _brands: str, trades: Sequence[str], _places: Sequence[tuple[str, str]], rng: Random
) -> _Company:
    return _Company(like.province, like.city, like.brand, rng.choice(trades), "有限公司", _code(rng))


def _parent(
    like: _Company, _brands: str, _trades: Sequence[str], _places: Sequence[tuple[str, str]], rng: Random
) -> _Company:
    return _Company(like.province, like.city, like.brand, like.trade, "集团有限公司", _code(rng))


def _branch(
    like: _Company, _brands: str, _trades: Sequence[str], places: Sequence[tuple[str, str]], rng: Random
) -> _Company:
    return _Company(
        like.province,
        like.city,
        like.brand,
        like.trade,
        like.form,
        _code(rng),
        rng.choice(places)[1] + "分公司",
    )


_Maker = Callable[[_Company, str, Sequence[str], Sequence[tuple[str, str]], Random], _Company]
_LOOK_ALIKES: Final[tuple[_Maker, ...]] = (
    _elsewhere,
    _numbered,
    _one_character_off,
    _same_sound,
    _daughter,
    _parent,
    _branch,
)


def _dirty_name(company: _Company, mix: Mix, rng: Random) -> str:
    def happens(share: float) -> bool:
        return rng.random() < share

    city, brand, trade, form = company.city, company.brand, company.trade, company.form
    middle = brand + trade
    if happens(mix.shortened):
        middle, form = _shortened(brand, trade, form, rng)
    elif happens(mix.reordered):
        middle = trade + brand
    middle = _slips(middle, mix, rng)
    if happens(mix.form_changed):
        form = {
            "有限公司": "有限责任公司",
            "有限责任公司": "有限公司",
            "股份有限公司": "有限公司",
            "集团有限公司": "集团公司",
        }.get(form, form)
    elif happens(mix.form_dropped) and not company.tail:
        form = "集团" if form.startswith("集团") else ""
    name = _placed(company.province, city, middle, mix, rng) + form + company.tail
    return _written(name, mix, rng)


def _shortened(brand: str, trade: str, form: str, rng: Random) -> tuple[str, str]:
    for long, short in _SHORT_TRADES:
        if trade == long:
            return brand + short, form
    keeps_form = form.startswith("集团") or rng.random() < 0.5 or len(trade) < 3
    return (brand + trade, form) if keeps_form else (brand + trade[:2], "")


def _slips(text: str, mix: Mix, rng: Random) -> str:
    if rng.random() < mix.homophone:
        text = _replaced(text, _HOMOPHONES, rng)
    if rng.random() < mix.shape:
        text = _replaced(text, _SHAPES, rng)
    at = rng.randrange(len(text))
    if rng.random() < mix.other_character:
        text = text[:at] + rng.choice(_BRANDS) + text[at + 1 :]
    if rng.random() < mix.omitted:
        text = text[:at] + text[at + 1 :]
    if rng.random() < mix.doubled:
        text = text[: at + 1] + text[at:]
    if rng.random() < mix.swapped and at + 1 < len(text):
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def _replaced(text: str, groups: Sequence[str], rng: Random) -> str:
    """Replace one character, chosen among those that a group offers another for."""
    options = [
        (at, other)
        for at, char in enumerate(text)
        for group in groups
        if char in group
        for other in group
        if other != char
    ]
    if not options:
        return text
    at, other = rng.choice(options)
    return text[:at] + other + text[at + 1 :]


def _placed(province: str, city: str, middle: str, mix: Mix, rng: Random) -> str:
    draw = rng.random()
    if draw < mix.city_dropped:
        return middle
    draw -= mix.city_dropped
    if draw < mix.city_in_brackets:
        return f"{middle}({city})" if rng.random() < 0.5 else f"{middle[:2]}（{city}）{middle[2:]}"
    draw -= mix.city_in_brackets
    if draw < mix.province_added:
        # 山东省济南市…, 山东济南市…, 上海市…
        first = "" if province == city or not province else province + rng.choice(("省", ""))
        return f"{first}{city}市{middle}"
    return city + middle


def _written(name: str, mix: Mix, rng: Random) -> str:
    if rng.random() < mix.old_script:
        name = "".join(_OLD_SCRIPT.get(char, char) for char in name)
    if rng.random() < mix.remark:
        name += rng.choice(("（虚构）", "(已注销)", "【停用】", "（总部）"))
    if rng.random() < mix.width:
        name = (
            name.replace("(", "（").replace(")", "）")
            if rng.random() < 0.5
            else name.replace("（", "(").replace("）", ")")
        )
    if rng.random() < mix.spaces:
        at = rng.randrange(len(name))
        name = rng.choice(
            (
                f" {name}",
                f"{name}\u3000",
                f"{name[:at]} {name[at:]}",
                f"{name[:at]}\u00a0{name[at:]}",
                f"{name}\t",
            )
        )
    return name


def _dirty_code(code: str, mix: Mix, rng: Random) -> str | None:
    if rng.random() >= mix.code_given:
        return None
    if rng.random() >= mix.code_mistyped:
        return code.lower() if rng.random() < 0.03 else code
    at = rng.randrange(17)
    if rng.random() < 0.4:
        return code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    return code[:at] + rng.choice(_ALPHABET) + code[at + 1 :]
