"""Label sets: the numbering of every data set, and translation between them."""

import pickle
import subprocess
import sys

import pytest

import fer_zoo
from fer_zoo.errors import FerZooError, InvalidOptionError, LabelMappingError, UnknownNameError
from fer_zoo.labels import LABEL_SETS, Expression, LabelSet, get_label_set, parse_expression

ORDERS = {
    "raf_db": "surprise fear disgust happiness sadness anger neutral",
    "affectnet_7": "neutral happiness sadness surprise fear disgust anger",
    "affectnet_8": "neutral happiness sadness surprise fear disgust anger contempt",
    "fer_plus": "neutral happiness surprise sadness anger disgust fear contempt",
    "fer2013": "anger disgust fear happiness sadness surprise neutral",
    "caer_s": "anger disgust fear happiness neutral sadness surprise",
    "ck_plus": "neutral anger contempt disgust fear happiness sadness surprise",
}


class TestTable:
    """The one table of class orders."""

    @pytest.mark.parametrize(("name", "order"), ORDERS.items())
    def test_every_data_set_keeps_its_own_numbering(self, name: str, order: str) -> None:
        """The classes stand in the order in which the data set numbers them."""
        assert " ".join(get_label_set(name)) == order

    def test_no_other_label_set_is_known(self) -> None:
        """The table holds these seven sets, each under its own name."""
        assert set(LABEL_SETS) == set(ORDERS)
        assert all(label_set.name == name for name, label_set in LABEL_SETS.items())

    def test_the_table_cannot_be_changed(self) -> None:
        """Assigning to the table is a TypeError."""
        with pytest.raises(TypeError):
            LABEL_SETS["mine"] = LABEL_SETS["raf_db"]  # type: ignore[index]

    def test_unknown_name_suggests_the_closest(self) -> None:
        """A misspelt name is answered with the one that was meant and with all known names."""
        with pytest.raises(
            UnknownNameError, match=r"Did you mean 'raf_db'\?.*Known: affectnet_7, .*, raf_db"
        ) as caught:
            get_label_set("RAF-DB")

        assert isinstance(caught.value, LookupError)


class TestLabelSet:
    """One label set."""

    def test_dictionaries_are_each_others_inverse(self) -> None:
        """The two dictionaries name the same classes in both directions, as plain strings."""
        label_set = LabelSet("pair", (Expression.FEAR, Expression.ANGER))

        assert label_set.id2label == {0: "fear", 1: "anger"}
        assert label_set.label2id == {"fear": 0, "anger": 1}
        assert all(type(label) is str for label in label_set.id2label.values())

    def test_dictionaries_are_fresh(self) -> None:
        """Changing a dictionary that was handed out does not change the set."""
        label_set = get_label_set("raf_db")

        label_set.id2label[0] = "other"
        label_set.label2id.clear()

        assert label_set.id2label[0] == "surprise"
        assert label_set.label2id["surprise"] == 0

    def test_behaves_as_a_sized_iterable(self) -> None:
        """Length, iteration and membership follow the classes."""
        label_set = LabelSet("pair", (Expression.FEAR, Expression.ANGER))

        assert len(label_set) == label_set.num_labels == 2
        assert list(label_set) == [Expression.FEAR, Expression.ANGER]
        assert Expression.FEAR in label_set
        assert "anger" in label_set
        assert Expression.CONTEMPT not in label_set

    def test_index_is_the_position(self) -> None:
        """The index of an expression is its place in the order of the data set."""
        assert get_label_set("raf_db").index(Expression.HAPPINESS) == 3
        assert get_label_set("fer_plus").index(Expression.HAPPINESS) == 1

    def test_index_of_an_absent_expression_lists_what_there_is(self) -> None:
        """Contempt has no index in RAF-DB, and the error names its classes."""
        with pytest.raises(
            LabelMappingError, match=r"'raf_db' has no class for 'contempt'. It has: surprise, fear, .*neutral\."
        ):
            get_label_set("raf_db").index(Expression.CONTEMPT)

    def test_is_hashable_and_travels_between_processes(self) -> None:
        """A set survives pickling and equals its copy."""
        label_set = get_label_set("ck_plus")

        copy = pickle.loads(pickle.dumps(label_set))  # noqa: S301 - our own bytes

        assert copy == label_set
        assert hash(copy) == hash(label_set)

    def test_a_list_of_classes_becomes_a_tuple(self) -> None:
        """Classes given as a list are frozen with the set."""
        classes = [Expression.FEAR, Expression.ANGER]

        label_set = LabelSet("pair", classes)  # type: ignore[arg-type]
        classes.clear()

        assert label_set.classes == (Expression.FEAR, Expression.ANGER)

    @pytest.mark.parametrize(
        ("name", "classes", "message"),
        [
            ("", (Expression.FEAR,), "not empty"),
            ("none", (), "at least one"),
            ("twice", (Expression.FEAR, Expression.ANGER, Expression.FEAR), "fear, anger, fear.*at most once"),
            ("text", ("fear",), "parse_expression"),
        ],
    )
    def test_nonsense_is_refused(self, name: str, classes: tuple[Expression, ...], message: str) -> None:
        """A set without a name, without classes, with repeats or with bare strings is never built."""
        with pytest.raises(InvalidOptionError, match=message):
            LabelSet(name, classes)


class TestMapping:
    """Translation of class indices from one set to another."""

    def test_indices_by_hand(self) -> None:
        """RAF-DB to FER2013: surprise 0 to 5, fear 1 to 2, disgust 2 to 1, anger 5 to 0, the others stay."""
        mapping = get_label_set("raf_db").mapping_to(get_label_set("fer2013"))

        assert mapping.indices == (5, 2, 1, 3, 4, 0, 6)
        assert mapping.missing_in_target == mapping.missing_in_source == ()

    @pytest.mark.parametrize("source", LABEL_SETS.values(), ids=LABEL_SETS)
    @pytest.mark.parametrize("target", LABEL_SETS.values(), ids=LABEL_SETS)
    def test_every_index_keeps_its_expression(self, source: LabelSet, target: LabelSet) -> None:
        """Whatever the pair of sets, an index that translates stands for the same expression on both sides."""
        mapping = source.mapping_to(target)

        assert (mapping.source, mapping.target) == (source, target)
        for expression, index in zip(source, mapping.indices, strict=True):
            assert (target.classes[index] is expression) if index is not None else (expression not in target)

    def test_contempt_is_never_guessed(self) -> None:
        """Contempt is None on the way to seven classes, and translating it is an error that names both sides."""
        mapping = get_label_set("fer_plus").mapping_to(get_label_set("raf_db"))

        assert mapping.indices == (6, 3, 0, 4, 5, 2, 1, None)
        assert mapping.missing_in_target == (Expression.CONTEMPT,)
        with pytest.raises(
            LabelMappingError, match=r"'raf_db' has no class for 'contempt'. It has: surprise,"
        ) as caught:
            mapping.apply(7)
        assert isinstance(caught.value, FerZooError)
        assert isinstance(caught.value, ValueError)

    def test_the_error_travels_between_processes(self) -> None:
        """A data loader worker can hand the error to its parent with the message unchanged."""
        error = LabelMappingError(Expression.CONTEMPT, "raf_db", get_label_set("raf_db"))

        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

        assert type(copy) is LabelMappingError
        assert str(copy) == str(error)

    def test_target_may_know_more(self) -> None:
        """A class that only the target has is reported as missing in the source."""
        mapping = get_label_set("affectnet_7").mapping_to(get_label_set("affectnet_8"))

        assert mapping.indices == (0, 1, 2, 3, 4, 5, 6)
        assert mapping.missing_in_source == (Expression.CONTEMPT,)
        assert mapping.missing_in_target == ()

    def test_brackets_and_apply_agree(self) -> None:
        """Indexing a mapping is the same as applying it."""
        mapping = get_label_set("ck_plus").mapping_to(get_label_set("fer_plus"))

        assert (
            [mapping[index] for index in range(8)]
            == [mapping.apply(index) for index in range(8)]
            == [0, 4, 7, 5, 6, 1, 3, 2]
        )

    @pytest.mark.parametrize("index", [-1, 7])
    def test_an_index_outside_the_source_is_refused(self, index: int) -> None:
        """An index that the source does not have is an error, also a negative one."""
        with pytest.raises(InvalidOptionError, match="a class index of raf_db, 0 to 6"):
            get_label_set("raf_db").mapping_to(get_label_set("fer2013"))[index]


class TestParseExpression:
    """The spellings of the data sets."""

    @pytest.mark.parametrize(
        ("text", "expression"),
        [
            ("Happy", Expression.HAPPINESS),
            ("happiness", Expression.HAPPINESS),
            ("sad", Expression.SADNESS),
            ("ANGRY", Expression.ANGER),
            ("surprised", Expression.SURPRISE),
            ("fearful", Expression.FEAR),
            ("disgusted", Expression.DISGUST),
            ("contemptuous", Expression.CONTEMPT),
            (" Neutral\n", Expression.NEUTRAL),
        ],
    )
    def test_known_spellings(self, text: str, expression: Expression) -> None:
        """Nouns and adjectives are understood in any case, with white space around them."""
        assert parse_expression(text) is expression

    @pytest.mark.parametrize("expression", Expression)
    def test_values_parse_to_themselves(self, expression: Expression) -> None:
        """The value of every expression stands for that expression."""
        assert parse_expression(expression.value) is expression

    def test_unknown_word_suggests_the_closest(self) -> None:
        """A misspelt word is answered with the one that was meant."""
        with pytest.raises(UnknownNameError, match=r"Unknown expression 'Hapy'. Did you mean 'happy'\?"):
            parse_expression("Hapy")


def test_labels_need_neither_torch_nor_transformers() -> None:
    """The module can be loaded from its own file while torch, transformers and numpy cannot be imported."""
    program = (
        "import sys, types\n"
        "sys.modules.update(dict.fromkeys(['torch', 'transformers', 'numpy']))\n"  # None makes an import fail
        f"package = types.ModuleType('fer_zoo'); package.__path__ = {list(fer_zoo.__path__)}\n"
        "sys.modules['fer_zoo'] = package\n"
        "import fer_zoo.labels"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
