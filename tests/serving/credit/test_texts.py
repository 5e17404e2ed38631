"""Every feature of the catalogue reaches the service with texts in both languages, unit and range."""

from features.catalogue import catalogue
from serving.credit.texts import feature_texts


def test_texts_are_the_catalogues() -> None:
    texts = feature_texts()
    features = catalogue("credit")
    assert set(texts) == {feature.name for feature in features}
    for feature in features:
        text = texts[feature.name]
        assert (text.text_zh, text.text_en, text.unit) == (feature.zh, feature.en, feature.unit.value)
        assert (text.lowest, text.highest) == (feature.low, feature.high)
        assert text.text_zh
        assert text.text_en
