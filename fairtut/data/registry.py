"""Every data set of the suite: source, licence, terms, and the exact bytes that are meant.

Each :class:`~fairtut.data.cards.Dataset` is a data card that code can read.  A data set that a
person has to fetch by hand says so, and why, in ``note``.
"""

from __future__ import annotations

from fairtut.data.cards import Dataset, File, Variant
from fairtut.errors import UnknownName

__all__ = ["DATASETS", "Dataset", "File", "Variant", "dataset"]


def _variant(label: str, *pairs: str) -> Variant:
    """Build a variant from alternating paths and digests."""
    return Variant(label, tuple(zip(pairs[::2], pairs[1::2], strict=True)))


_ADULT_ZIP = "https://archive.ics.uci.edu/static/public/2/adult.zip"
_CREDIT_ZIP = "https://archive.ics.uci.edu/static/public/522/south+german+credit.zip"
_COMPAS_CSV = "https://raw.githubusercontent.com/propublica/compas-analysis/master/compas-scores-two-years.csv"

_ALL = (
    Dataset(
        name="zafar",
        title="Two Gaussians with a rotated sensitive attribute (Zafar et al. 2017)",
        licence="none needed: the rows are generated",
        terms="Anyone may use it for anything; no person stands behind a row.",
        homepage="https://proceedings.mlr.press/v54/zafar17a.html",
        citation="zafar2017",
        source="embedded",
    ),
    Dataset(
        name="faces",
        title="Synthetic faces, painted from CelebA's counts of attributes",
        licence="none needed: the pictures are generated",
        terms="Anyone may use them for anything; no photograph and no person stands behind a "
        "picture.",
        homepage="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        citation="liu2015",
        source="embedded",
    ),
    Dataset(
        name="adult",
        title="Adult (1994 US census extract)",
        licence="CC BY 4.0",
        terms="Anyone may use and share it with credit; the rows are real people of 1994, so do "
        "not try to re-identify them.",
        homepage="https://archive.ics.uci.edu/dataset/2/adult",
        citation="adult1996",
        files=(
            File(
                path="adult.data",
                url=_ADULT_ZIP,
                member="adult.data",
                sha256="5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
                size=3_974_305,
                rows=32_561,
            ),
            File(
                path="adult.test",
                url=_ADULT_ZIP,
                member="adult.test",
                sha256="a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
                size=2_003_153,
                rows=16_281,
            ),
        ),
    ),
    Dataset(
        name="compas",
        title="COMPAS two-year recidivism, Broward County (ProPublica 2016)",
        licence="none stated by ProPublica",
        terms="Use it for research with credit to ProPublica and do not redistribute it; the "
        "official file names real defendants, so never show a row.",
        homepage="https://github.com/propublica/compas-analysis",
        citation="angwin2016",
        files=(
            File(
                path="compas-scores-two-years.csv",
                url=_COMPAS_CSV,
                sha256="c451db85908b2f7fef1d83203bedf6b71ecda0d5af468d82ae62178f91d0cc7d",
                rows=7_214,
                variants=(
                    _variant(
                        "the 15 columns that matter, no names",
                        "compas-scores-two-years.csv",
                        "b5988937c2015906a06023a8b49b95c144e928bb9ca8598c58d1b06ccb1c1f18",
                    ),
                ),
            ),
        ),
    ),
    Dataset(
        name="south_german_credit",
        title="South German Credit (1973-1975, corrected by Groemping 2019)",
        licence="CC BY 4.0",
        terms="Anyone may use and share it with credit.",
        homepage="https://archive.ics.uci.edu/dataset/522/south+german+credit",
        citation="groemping2019",
        files=(
            File(
                path="SouthGermanCredit.asc",
                url=_CREDIT_ZIP,
                member="SouthGermanCredit.asc",
                sha256="f0caee5ff54c4a4e9689bc10d5b23ccf5088862a846ab603f9536f135aae30d3",
                size=47_938,
                rows=1_000,
            ),
        ),
    ),
    Dataset(
        name="celeba",
        title="CelebA, aligned and cropped faces",
        licence="non-commercial research only",
        terms="Only for non-commercial research; images may not be redistributed, published or "
        "sold, and the people shown did not consent.",
        homepage="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        citation="liu2015",
        source="torchvision",
        note="The official host is a shared drive with a daily quota; when it refuses, follow the "
        "links on the official page in a browser.",
        files=(
            File(
                path="list_attr_celeba.txt",
                sha256="f0e5da289d5ccf75ffe8811132694922b60f2af59256ed362afa03fefba324d0",
                size=26_721_026,
                rows=202_599,
            ),
            File(
                path="list_eval_partition.txt",
                sha256="fc955bcb3ef8fbdf7d5640d9a8693a8431b5f2ee291a5c1449a1549e7e073fe7",
                size=2_836_386,
                rows=202_599,
            ),
            File(
                path="identity_CelebA.txt",
                sha256="c6143857c3e2630ac2da9f782e9c1232e5e59be993a9d44e8a7916c78a6158c0",
                size=3_424_458,
                rows=202_599,
            ),
            File(
                path="img_align_celeba.zip",
                sha256="46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74",
                size=1_443_490_838,
                variants=(
                    _variant(
                        "46,715 of 202,599 images, 64 pixels",
                        "img_align_celeba_64px_train_a.zip",
                        "ce53917813c5e4e4379606d5bd4ad09c2869d4b607ed86232e8c1ce992938b94",
                        "img_align_celeba_64px_train_b.zip",
                        "152b28c1b03e8b3a70f47e1f463682f5719f1e46e0b8063e028dff9d9ee48372",
                        "img_align_celeba_64px_eval.zip",
                        "efba8aeea7acc1f036c32a3f2aedfbf82e12c4b18ed8fca6759b458897e7c934",
                    ),
                ),
            ),
        ),
    ),
    Dataset(
        name="lfw",
        title="Labeled Faces in the Wild, deep funneled",
        licence="none stated; news photographs",
        terms="Use it for research only and do not redistribute the images; the people shown did "
        "not consent.",
        homepage="https://vis-www.cs.umass.edu/lfw/",
        citation="huang2007",
        source="hand",
        note="The official host no longer serves the archive to programs; fetch the deep-funneled "
        "images and a table of labels (columns file, person, gender, emotion) yourself.",
        files=(
            File(
                path="lfw_labels.csv",
                variants=(
                    _variant(
                        "gender and emotion labels, without the 73 attributes",
                        "lfw_labels.csv",
                        "301bd51bfbb6348276a3a83d966d4aa20388181878e87dbe6cfcae911bc50a58",
                    ),
                ),
                rows=13_233,
            ),
            File(
                path="lfw-deepfunneled.tgz",
                variants=(
                    _variant(
                        "64 pixels",
                        "lfw-deepfunneled-64px.zip",
                        "d16aaf450f800e81ed074e7321ed5d97eaf43d36356666777550b29a151c0898",
                    ),
                ),
            ),
        ),
    ),
    Dataset(
        name="fairface",
        title="FairFace (108,501 faces, seven race groups)",
        licence="CC BY 4.0",
        terms="Anyone may use and share it with credit; race, gender and age are annotators' "
        "guesses, not facts about the people shown.",
        homepage="https://github.com/joojs/fairface",
        citation="karkkainen2021",
        source="hand",
        note="The official page links a shared drive without a stable address; fetch the images "
        "(padding 0.25) and the two label files there.",
        files=(
            File(
                path="fairface_label_train.csv",
                rows=86_744,
                variants=(
                    _variant(
                        "ages repaired",
                        "fairface_label_train.csv",
                        "90624451f2214ae1aa84021ae51c19ce45a375bd0bff901b935feadc59514795",
                    ),
                ),
            ),
            File(
                path="fairface_label_val.csv",
                rows=10_954,
                variants=(
                    _variant(
                        "ages repaired",
                        "fairface_label_val.csv",
                        "19906f6917373dc19385e23ff0bacb75767fd0f99569ae6201d268af33d4c96b",
                    ),
                ),
            ),
            File(
                path="fairface-img-margin025-trainval.zip",
                variants=(
                    _variant(
                        "18,000 of 97,698 images, 64 pixels",
                        "fairface-img-64px.zip",
                        "27f61dc5b317fe608c978e64fe26e87e3154ee03bd942114507f9902376e48ec",
                    ),
                ),
            ),
        ),
    ),
    Dataset(
        name="civil_comments",
        title="Civil Comments with identities (WILDS edition)",
        licence="CC0 1.0",
        terms="Anyone may use and share it; the comments are real and many are offensive.",
        homepage="https://wilds.stanford.edu/datasets/#civilcomments",
        citation="borkan2019",
        source="hand",
        note="The archive's host has been seen with an expired certificate, which fairtut will not "
        "ignore for you; fetch the archive in a browser and place the one CSV file.",
        files=(File(path="all_data_with_identities.csv"),),
    ),
    Dataset(
        name="measuring_hate_speech",
        title="Measuring Hate Speech (UC Berkeley D-Lab)",
        licence="CC BY 4.0",
        terms="Anyone may use and share it with credit; content warning: real hate speech.",
        homepage="https://huggingface.co/datasets/ucberkeley-dlab/measuring-hate-speech",
        citation="kennedy2020",
        folders=("text",),
        source="hand",
        note="The official file is a table of single annotations (parquet) that changes its name "
        "between editions; save it under the name given here.",
        files=(
            File(
                path="measuring-hate-speech.parquet",
                variants=(
                    _variant(
                        "25,424 comments, one row each",
                        "measuring_hate_speech_25424.csv",
                        "8a001eb3c6dccd67694b338515ab619a826f37bf5a81899facffde27fdec368c",
                    ),
                ),
            ),
        ),
    ),
)

DATASETS: dict[str, Dataset] = {d.name: d for d in _ALL}
"""Name to data set, embedded ones first."""


def dataset(name: str) -> Dataset:
    """Return the data set called ``name``.

    Raises
    ------
    fairtut.errors.UnknownName
        With the names that exist.

    Examples
    --------
    >>> from fairtut.data.registry import dataset
    >>> dataset("adult").licence
    'CC BY 4.0'
    """
    if name not in DATASETS:
        raise UnknownName.of("data set", name, DATASETS)
    return DATASETS[name]
