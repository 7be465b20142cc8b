"""Languages of Azure's services as BCP-47 tags, and the vendor's codes where they are others."""

from __future__ import annotations

# https://aka.ms/cv-languages, column Tags.
TAGS = (
    *("ar", "az", "bg", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu", "fi", "fr", "ga"),
    *("gl", "he", "hi", "hr", "hu", "id", "it", "ja", "kk", "ko", "lt", "lv", "mk", "ms", "nb", "nl", "pl"),
    *("prs", "pt", "pt-BR", "pt-PT", "ro", "ru", "sk", "sl", "sr-Cyrl", "sr-Latn", "sv", "th", "tr", "uk"),
    *("vi", "zh", "zh-Hans", "zh-Hant"),
)
ENGLISH = ("en",)
"""Objects and captions: "any capabilities not mentioned here only support English"."""
# The same page, printed text, and for what it names by script or variety the plain tags cnr, kk, ku, nb, nn and zh
# too. None of them is sent: Read finds them out, several in one line too.
READ = (
    *("af", "anp", "ar", "ast", "awa", "az", "be", "be-Cyrl", "be-Latn", "bfy", "bfz", "bg", "bgc", "bho"),
    *(
        "bi",
        "bns",
        "br",
        "bra",
        "brx",
        "bs",
        "bua",
        "ca",
        "ceb",
        "ch",
        "cnr",
        "cnr-Cyrl",
        "cnr-Latn",
        "co",
        "crh",
    ),
    *("cs", "csb", "cy", "da", "de", "dhi", "doi", "dsb", "en", "es", "et", "eu", "fa", "fi", "fil", "fj"),
    *("fo", "fr", "fur", "fy", "ga", "gag", "gd", "gil", "gl", "gon", "gv", "gvr", "haw", "hi", "hlb", "hne"),
    *("hni", "hoc", "hr", "hsb", "ht", "hu", "ia", "id", "is", "it", "iu", "ja", "jns", "jv", "kaa"),
    *(
        "kaa-Cyrl",
        "kac",
        "kea",
        "kfq",
        "kha",
        "kk",
        "kk-Cyrl",
        "kk-Latn",
        "kl",
        "klr",
        "kmj",
        "ko",
        "kos",
        "kpy",
    ),
    *(
        "krc",
        "kru",
        "ksh",
        "ku",
        "ku-Arab",
        "ku-Latn",
        "kum",
        "kw",
        "ky",
        "la",
        "lb",
        "lkt",
        "lt",
        "mi",
        "mn",
    ),
    *(
        "mr",
        "ms",
        "mt",
        "mww",
        "myv",
        "nap",
        "nb",
        "ne",
        "niu",
        "nl",
        "nn",
        "no",
        "nog",
        "oc",
        "os",
        "pa",
        "pl",
        "prs",
    ),
    *("ps", "pt", "quc", "rab", "rm", "ro", "ru", "sa", "sat", "sck", "sco", "sk", "sl", "sm", "sma", "sme"),
    *("smj", "smn", "sms", "so", "sq", "sr", "sr-Latn", "srx", "sv", "sw", "tet", "tg", "thf", "tk", "to"),
    *("tr", "tt", "tyv", "ug", "ur", "uz", "uz-Arab", "uz-Cyrl", "vo", "wae", "xnr", "xsr", "yua", "za"),
    *("zh", "zh-Hans", "zh-Hant", "zu"),
)
# learn.microsoft.com/azure/ai-services/content-safety/language-support, where Hebrew has its old code "iw" and
# Norwegian one for both. None is sent: the service finds the language out. Trained for: zh, en, fr, de, it, ja, pt, es.
CONTENT_SAFETY = (
    *("af", "am", "ar", "az", "be", "bg", "bg-Latn", "bn", "ca", "ceb", "co", "cs", "cy", "da", "de", "el"),
    *("el-Latn", "en", "eo", "es", "et", "eu", "fa", "fi", "fil", "fr", "fy", "ga", "gd", "gl", "gu", "ha"),
    *("haw", "he", "hi", "hi-Latn", "hmn", "hr", "ht", "hu", "hy", "id", "ig", "is", "it", "ja", "ja-Latn"),
    *("jv", "ka", "kk", "km", "ko", "ku", "ky", "la", "lb", "lo", "lt", "lv", "mg", "mi", "mk", "ml", "mn"),
    *("mr", "ms", "mt", "my", "nb", "ne", "nl", "nn", "no", "ny", "pa", "pl", "ps", "pt", "ro", "ru"),
    *("ru-Latn", "sd", "si", "sk", "sl", "sn", "so", "sq", "sr", "st", "su", "sv", "sw", "ta", "te"),
    *("tg", "th", "tr", "uk", "und", "ur", "uz", "vi", "xh", "yi", "yo", "zh", "zh-Latn", "zu"),
)
_CODES = {tag.lower(): tag for tag in TAGS} | {
    "sr-cyrl": "sr-Cryl",  # the service's own spelling, in its table and its API
    "zh-tw": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-mo": "zh-Hant",
}


def image_analysis_code(language: str) -> str:
    """Image Analysis's code for a tag: that of its longest known part (``de`` for ``de-AT``)."""
    tag = language.lower()
    while tag:
        code = _CODES.get(tag)
        if code is not None:
            return code
        tag = tag.rpartition("-")[0]
    return language
