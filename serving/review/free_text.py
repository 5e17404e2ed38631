"""Free text of people: it must say something, and hold no number by which a person could be found."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

__all__ = ["FreeText"]

_ID_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])\d{17}[0-9Xx](?![0-9A-Za-z])")
_MOBILE: Final = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


def _is_free_text(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("reason_missing", "must say why")
    if any(pattern.search(text) for pattern in (_ID_NUMBER, _MOBILE, _MAIL)):
        # The texts are the context's, which the problem shows in the caller's language.
        raise PydanticCustomError(
            "personal_data",
            "must hold no personal data",
            {
                "zh": "含有手机号、证件号或邮箱；个人联系方式不予保存，请删去",
                "en": "holds a phone number, an identity number or a mail address; these are not kept, remove them",
            },
        )
    return text.strip()


# The length first: behind a function of ours pydantic would count it as entries of a list.
FreeText = Annotated[str, Field(max_length=1000), AfterValidator(_is_free_text)]
