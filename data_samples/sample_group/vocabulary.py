"""The words of the fictional world; place names, brands and people are invented."""

from typing import Final

__all__ = ["BRANDS", "GIVEN", "INDUSTRIES", "INDUSTRY_WEIGHTS", "INDUSTRY_WORDS", "OWNERSHIPS", "PLACES", "PROVINCES",
           "PROVINCE_CODES", "PROVINCE_WEIGHTS", "REGIONS", "SIZES", "SURNAMES"]  # fmt: skip

# sections of GB/T 4754 that the sample uses, with a weight and words for company names
INDUSTRIES: Final = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O")
INDUSTRY_WEIGHTS: Final = (
    0.04,
    0.03,
    0.34,
    0.03,
    0.12,
    0.18,
    0.06,
    0.03,
    0.05,
    0.01,
    0.04,
    0.03,
    0.02,
    0.01,
    0.01,
)
INDUSTRY_WORDS: Final = (
    ("农业", "牧业", "渔业"), ("矿业", "石材", "盐矿"), ("机械", "化工", "电子", "新材料", "纺织", "食品"), ("热力", "能源"),
    ("建筑工程", "装饰工程", "市政工程"), ("贸易", "商贸", "供应链", "物资"), ("物流", "运输", "仓储"), ("酒店", "餐饮"),
    ("软件", "信息技术", "数据科技"), ("投资咨询", "资本管理"), ("置业", "房地产开发"), ("设备租赁", "企业管理"), ("检测技术", "工程设计"),
    ("环境治理", "园林绿化"), ("汽车服务", "家政服务"),
)  # fmt: skip

PROVINCES: Final = (
    "山东",
    "江苏",
    "浙江",
    "广东",
    "河北",
    "河南",
    "安徽",
    "湖北",
    "四川",
    "陕西",
    "辽宁",
    "上海",
    "北京",
    "天津",
)
PROVINCE_CODES: Final = (
    37,
    32,
    33,
    44,
    13,
    41,
    34,
    42,
    51,
    61,
    21,
    31,
    11,
    12,
)  # GB/T 2260, first two digits
PROVINCE_WEIGHTS: Final = (0.48, 0.08, 0.07, 0.06, 0.06, 0.05, 0.04, 0.03, 0.03, 0.02, 0.02, 0.02, 0.02, 0.02)

SIZES: Final = ("micro", "small", "medium", "large")
OWNERSHIPS: Final = ("state", "private", "foreign", "mixed")
REGIONS: Final = ("华东", "华北", "华中", "华南", "西南", "西北", "东北", "出口")

PLACES: Final = ("岚川", "澄浦", "栖原", "青岑", "云浔", "汐州", "临棠", "砚山", "渌口", "沐阳湾", "苍泽", "望屿", "晏城里", "溪汶",
                 "宛丘原", "朔宁", "霁州", "鹤汀", "芷江湾", "桐庐岭", "照海", "墨川", "衡屿", "梧津")  # fmt: skip
BRANDS: Final = tuple(
    "恒泽铭瑞沃昊源启辰诚朗益丰嘉隆锦华尚宏远景润达盛祥鼎卓骏凯悦信弘毅博雅睿翔腾晟佑岳汇聚合嵘峻芃屹澜珩琛璟"
)
SURNAMES: Final = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕")
GIVEN: Final = tuple(
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国志文海波宁晨雨欣浩宇梓涵佳怡思远子墨"
)
