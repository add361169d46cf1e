"""Comments with a toxicity label and overlapping identity groups, as token ids.

:mod:`~fairtut.data.comments.vocabulary` turns text into ids,
:mod:`~fairtut.data.comments.commentset` holds ids, labels and memberships,
:mod:`~fairtut.data.comments.sources` reads Civil Comments and, a stated substitute, the Measuring
Hate Speech set; :mod:`fairtut.data.synthetic.comments` makes comments that hurt nobody.
"""

from fairtut.data.comments.commentset import SPLITS, CommentSet, from_texts
from fairtut.data.comments.sources import IDENTITIES, RELIGIONS, civil_comments, hate_speech
from fairtut.data.comments.vocabulary import Encoded, Tokenizer, Vocabulary, encode_with, words_of

__all__ = [
    "IDENTITIES",
    "RELIGIONS",
    "SPLITS",
    "CommentSet",
    "Encoded",
    "Tokenizer",
    "Vocabulary",
    "civil_comments",
    "encode_with",
    "from_texts",
    "hate_speech",
    "words_of",
]
