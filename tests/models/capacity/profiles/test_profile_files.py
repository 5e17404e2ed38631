"""Profile files: the built-in ones, a user's that come first, and errors that name file, field and remedy."""

import tempfile
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.capacity.profiles.profile import Factor, Known
from models.capacity.profiles.profile_files import check_profile, load_profiles
from models.errors import ProfileFileError

BUILT_IN = resources.files("models.capacity.profiles")
INDUSTRIES = ("carbon_fibre", "cylindrical_cells", "sea_salt", "well_salt")

GLASS = """
id = "float_glass"
label = { zh = "浮法玻璃", en = "Float glass" }
family = "glass"
unit = "weight_case"
unit_label = { zh = "重量箱", en = "weight case" }
recognise = ["浮法"]
source = "Test."
stopping_maintenance = ["cold_repair"]

[calendar]
hours = 24
continuous = true

[constraints]
minimum_run_hours = 168
restart_hours = 24

[constraints.bottleneck]
label = { zh = "熔窑", en = "Melting furnace" }
hours = 24

[[drivers]]
name = "cullet"
label = { zh = "碎玻璃比例", en = "Share of cullet" }
unit = { zh = "%", en = "%" }
known = "ahead"
range = [0, 100]

[[losses]]
name = "bubbles"
label = { zh = "气泡", en = "Bubbles" }
factor = "quality"

[[stock_bands]]
name = "finished"
label = { zh = "成品", en = "Finished goods" }
lower_days = 5
upper_days = 40
"""


def _written(folder: Path, text: str, name: str = "glass.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _refused(folder: Path, text: str) -> ProfileFileError:
    with pytest.raises(ProfileFileError) as caught:
        check_profile(_written(folder, text))
    assert "glass.toml" in caught.value.zh
    assert "glass.toml" in caught.value.en
    return caught.value


def test_the_four_industries_and_the_generic_profile_are_built_in() -> None:
    profiles = load_profiles()
    assert tuple(profiles) == ("carbon_fibre", "cylindrical_cells", "generic", "sea_salt", "well_salt")
    for name in INDUSTRIES:
        profile = profiles[name]
        assert profile.unit is not None
        assert profile.drivers
        assert profile.constraints.bottleneck is not None
        assert {one.factor for one in profile.losses} == {
            Factor.AVAILABILITY,
            Factor.PERFORMANCE,
            Factor.QUALITY,
        }
        assert any(one.known is Known.AHEAD for one in profile.drivers)
        assert profile.energy is not None
        assert profile.emission is not None


def test_every_stop_reason_of_the_contract_belongs_to_a_loss_of_each_industry() -> None:
    for profile in load_profiles().values():
        for reason in ("breakdown", "changeover", "material", "power", "quality"):
            assert profile.loss_of(reason) is not None, (profile.id, reason)


def test_formation_and_ageing_limit_cells_to_19_5_hours() -> None:
    bottleneck = load_profiles()["cylindrical_cells"].constraints.bottleneck
    assert bottleneck is not None
    assert bottleneck.hours == 19.5
    assert bottleneck.label.zh == "化成与老化"


def test_salt_has_a_reserve_band_of_at_least_a_month() -> None:
    for name in ("sea_salt", "well_salt"):
        band = load_profiles()[name].band("reserve")
        assert band is not None
        assert (band.lower_days, band.upper_days) == (30, 90)


def test_a_new_industry_is_a_file(tmp_path: Path) -> None:
    _written(tmp_path, GLASS)
    profiles = load_profiles(tmp_path)
    assert len(profiles) == len(load_profiles()) + 1
    glass = profiles["float_glass"]
    assert glass.unit_text is not None
    assert glass.unit_text.zh == "重量箱"
    assert glass == check_profile(tmp_path / "glass.toml")


def test_a_users_file_replaces_the_built_in_profile_of_its_id(tmp_path: Path) -> None:
    _written(tmp_path, GLASS.replace('"float_glass"', '"carbon_fibre"'))
    assert load_profiles(tmp_path)["carbon_fibre"].family == "glass"
    assert load_profiles()["carbon_fibre"].family == "carbon_fibre"


def test_a_folder_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    assert load_profiles(tmp_path / "none") == load_profiles()


def test_a_file_given_as_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileFileError, match="folder"):
        load_profiles(_written(tmp_path, GLASS))


def test_two_files_of_one_id_are_refused_naming_both(tmp_path: Path) -> None:
    _written(tmp_path, GLASS)
    _written(tmp_path, GLASS, "other.toml")
    with pytest.raises(ProfileFileError) as caught:
        load_profiles(tmp_path)
    assert "other.toml" in caught.value.en
    assert "glass.toml" in caught.value.en
    assert caught.value.fields == ("id",)


@pytest.mark.parametrize(
    ("old", "new", "field", "texts"),
    [
        ("hours = 24\nc", "hours = 25\nc", "calendar.hours", ("must not be above 24", "不应大于 24")),
        ("hours = 24\nc", "hours = true\nc", "calendar.hours", ("must be a number", "应为数字")),
        ("hours = 24\nc", "hours = -1\nc", "calendar.hours", ("must not be below 0", "不应小于 0")),
        ("hours = 24\nc", "sunday_hours = 8\nhours = 24\nc", "calendar", ("contradicts", "矛盾")),
        ("lower_days = 5", "lower_days = 50", "stock_bands.0", ("must be below upper_days", "应小于上限")),
        ("lower_days = 5", "lower_days = -5", "stock_bands.0.lower_days", ("must not be below 0", "不应小于 0")),
        ("range = [0, 100]", "range = [100, 0]", "drivers.0", ("[lowest, highest]", "先小后大")),
        ("range = [0, 100]", "range = [0, 1, 2]", "drivers.0.range", ("2", "2")),
        ('known = "ahead"', 'known = "soon"', "drivers.0.known", ("'ahead' or 'after'", "之一")),
        ("restart_hours = 24", "restart_hors = 24", "constraints.restart_hors", ("not a field", "没有这个字段")),
        ("minimum_run_hours = 168", "minimum_run_hours = 169", "constraints.minimum_run_hours", ("168", "168")),
        ('unit_label = { zh = "重量箱", en = "weight case" }\n', "", "profile", ("weight_case", "计量单位")),
        ('id = "float_glass"\n', "", "id", ("is missing", "缺少")),
        ('id = "float_glass"', 'id = "Float Glass"', "id", ("must match", "应符合")),
        ('label = { zh = "气泡", en = "Bubbles" }', 'label = "Bubbles"', "losses.0.label", ("table", "表")),
        ('factor = "quality"', 'factor = "calendar"', "losses.0", ("availability", "availability")),
        ("hours = 24\nc", "season_months = [3, 3]\nhours = 24\nc", "calendar", ("stands twice", "重复")),
        ("hours = 24\nc", "season_months = [13]\nhours = 24\nc", "calendar.season_months.0", ("12", "12")),
        ('["cold_repair"]', '["a", "a"]', "profile", ("stands twice", "重复")),
        ('["浮法"]', '"浮法"', "recognise", ("list", "列表")),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_field(
    tmp_path: Path, old: str, new: str, field: str, texts: tuple[str, str]
) -> None:
    assert old in GLASS
    error = _refused(tmp_path, GLASS.replace(old, new, 1))
    assert field in error.fields
    assert texts[0] in error.en
    assert texts[1] in error.zh


def test_every_wrong_field_is_named_at_once(tmp_path: Path) -> None:
    text = GLASS.replace("lower_days = 5", "lower_days = -5").replace("hours = 24\nc", "hours = 30\nc")
    assert set(_refused(tmp_path, text).fields) == {"calendar.hours", "stock_bands.0.lower_days"}


def test_a_reason_of_two_losses_is_refused(tmp_path: Path) -> None:
    more = '[[losses]]\nname = "{}"\nlabel = {{ zh = "停", en = "stop" }}\nreasons = ["power"]\nfactor = "availability"\n'
    error = _refused(tmp_path, GLASS + more.format("one") + more.format("two"))
    assert "power" in error.en


def test_broken_toml_a_missing_file_and_another_encoding_are_named(tmp_path: Path) -> None:
    _refused(tmp_path, "id = ")
    with pytest.raises(ProfileFileError, match="cannot be read"):
        check_profile(tmp_path / "none.toml")
    path = tmp_path / "glass.toml"
    path.write_bytes(GLASS.encode("gbk"))
    with pytest.raises(ProfileFileError, match="UTF-8"):
        check_profile(path)


@given(
    st.sampled_from(INDUSTRIES), st.integers(0, 200), st.sampled_from(["", "0", "-1", "1e999", "nan", '"x"', "[]", "true", "x"])
)  # fmt: skip
def test_whatever_a_line_of_a_file_becomes_it_is_a_profile_or_a_named_error(
    industry: str, place: int, value: str
) -> None:
    lines = BUILT_IN.joinpath(f"{industry}.toml").read_text(encoding="utf-8").splitlines()
    row = place % len(lines)
    key, equals, _ = lines[row].partition(" = ")
    lines[row] = f"{key} = {value}" if equals and value else ""
    with tempfile.TemporaryDirectory() as folder:
        path = _written(Path(folder), "\n".join(lines))
        refused: ProfileFileError | None = None
        try:
            assert check_profile(path).id
        except ProfileFileError as error:
            refused = error
        assert refused is None or (str(path) in refused.zh and str(path) in refused.en)
