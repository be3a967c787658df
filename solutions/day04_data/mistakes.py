"""The wrong ways of day 4: each is the reference with one thing changed."""

from grader.catalogue import change, mistake

# ---------------------------------------------------------------- 4.1 download


@mistake(
    "download",
    says="Every split is loaded as the train split.",
    why="A validation text that was trained on gives a loss that says nothing about new text.",
    read="#what-is-in-wikitext-2",
)
def one_split_for_all(source):
    return change(source, "load(name, split, data_dir=data_dir).text", 'load(name, "train", data_dir=data_dir).text')


@mistake(
    "download",
    says="The whitespace at the ends of the texts is taken away.",
    why="Line ends are words in the published counts: lose one and perplexity per word is no longer comparable.",
    read="#how-large-is-a-text",
)
def texts_stripped(source):
    return change(source, ".text for split in SPLITS", ".text.strip() for split in SPLITS")


@mistake(
    "download",
    says="The folder that was given is not handed on: the files in it are never found.",
    why="Somebody who has the files, or has no network, is made to fetch them all the same.",
    read="#what-is-in-wikitext-2",
)
def folder_forgotten(source):
    return change(source, "load(name, split, data_dir=data_dir).text", "load(name, split).text")


@mistake(
    "download",
    says="The end of a line is not counted as a word.",
    why="WikiText-2's published perplexities count it: 217,646 words in validation, 213,886 without.",
    read="#how-large-is-a-text",
    seen="openai/gpt-2 issue 78",
)
def line_ends_not_counted(source):
    return change(source, "len(text.split()) + lines", "len(text.split())")


@mistake(
    "download",
    says="Words are cut at each single space, so that two spaces make an empty word and a line end makes none.",
    why="An empty piece is no word, and the last word of a line and the first of the next are two.",
    read="#how-large-is-a-text",
)
def words_cut_at_single_spaces(source):
    return change(source, "len(text.split())", 'len(text.split(" "))')


@mistake(
    "download",
    says="Bytes are counted as characters.",
    why="é is two bytes in UTF-8, a Chinese character three: bits per byte would come out too large.",
    read="#how-large-is-a-text",
)
def bytes_are_characters(source):
    return change(source, 'len(text.encode("utf-8"))', "len(text)")


@mistake(
    "download",
    says="A last line without a newline is counted as a line with one.",
    why="Pieces between newlines are one more than newlines, unless the text ends with one.",
    read="#how-large-is-a-text",
)
def lines_are_pieces(source):
    return change(source, 'text.count("\\n")', "len(text.splitlines())")


@mistake(
    "download",
    says="A section's heading begins a new article.",
    why="An article in pieces is no longer a text in which facts come up again, which is what attention learns from.",
    read="#what-is-in-wikitext-2",
)
def sections_are_articles(source):
    return change(source, ' and words[1] != "=" and words[-2] != "="', "")


@mistake(
    "download",
    says="The article's own heading is left out.",
    why="The title names what the article is about; the articles joined must be the text again.",
    read="#what-is-in-wikitext-2",
)
def headings_lost(source):
    return change(source, "        if found:\n", "        elif found:\n")


@mistake(
    "download",
    says="The last article is lost.",
    why="Work that is finished when the next heading comes is never finished for the last one.",
    read="#what-is-in-wikitext-2",
)
def last_article_lost(source):
    return change(source, "for lines in found]", "for lines in found[:-1]]")


@mistake(
    "download",
    says="What stands before the first heading is given as an article.",
    why="WikiText begins with an empty line: it would be an article without a title.",
    read="#what-is-in-wikitext-2",
)
def preface_is_an_article(source):
    return change(source, "        if _is_title(line):", "        if _is_title(line) or not found:")


# ---------------------------------------------------------------- 4.2 tokenizer


@mistake(
    "tokenizer",
    says="A space is put in front of every text.",
    why="The text does not come back as it was, and every continued line begins with a space of its own.",
    read="#nothing-is-lost",
    seen="huggingface/tokenizers issue 608",
)
def prefix_space_added(source):
    return change(source, "ByteLevel(add_prefix_space=False)", "ByteLevel(add_prefix_space=True)")


@mistake(
    "tokenizer",
    says="Bytes that training did not meet have no token: they vanish.",
    why="A tokenizer of letters it has seen is not a byte-level one; emoji and Chinese are lost without a word.",
    read="#why-bytes",
    seen="huggingface/course issue 775",
)
def no_byte_alphabet(source):
    return change(source, "        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),\n", "")


@mistake(
    "tokenizer",
    says="Bytes that training did not meet become an unknown token.",
    why="The point of bytes is that nothing is unknown: 256 of them spell any text.",
    read="#why-bytes",
)
def unknown_token_used(source):
    source = change(source, "models.BPE()", "models.BPE(unk_token=END_OF_TEXT)")
    return change(source, "        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),\n", "")


@mistake(
    "tokenizer",
    says="There is no decoder: tokens come out in the symbols of bytes, with spaces between them.",
    why="Ġ stands for a space and Ã© for é; something must turn the symbols into bytes again.",
    read="#nothing-is-lost",
    seen="huggingface/transformers issue 37659",
)
def no_decoder(source):
    return change(source, "    tokenizer.decoder = decoders.ByteLevel()\n", "")


@mistake(
    "tokenizer",
    says="Special tokens are left out when ids are turned into text.",
    why="The text does not come back, and a sample that ended looks like one that did not.",
    read="#nothing-is-lost",
    seen="the tokenizers library: decode has skip_special_tokens=True by default",
)
def special_tokens_skipped(source):
    return change(source, "skip_special_tokens=False", "skip_special_tokens=True")


@mistake(
    "tokenizer",
    says="Each token is turned into text on its own, so that characters of several bytes break.",
    why="A byte of an emoji is no text yet; the bytes must be joined before they are read as UTF-8.",
    read="#nothing-is-lost",
    seen="karpathy/nanochat pull request 693",
)
def decoded_token_by_token(source):
    return change(
        source,
        "tokenizer.decode(ids, skip_special_tokens=False)",
        '"".join(tokenizer.decode([i], skip_special_tokens=False) for i in ids)',
    )


@mistake(
    "tokenizer",
    says="Spaces in front of commas and full stops are cleaned up in the decoded text.",
    why='Guessing where spaces belong loses those that were there: "reeds ." is not "reeds.".',
    read="#nothing-is-lost",
    seen="huggingface/tokenizers issue 1164",
)
def spaces_cleaned_up(source):
    return change(
        source,
        "tokenizer.decode(ids, skip_special_tokens=False)",
        'tokenizer.decode(ids, skip_special_tokens=False).replace(" ,", ",").replace(" .", ".")',
    )


@mistake(
    "tokenizer",
    says="The whitespace at the ends of the text is taken away before it is encoded.",
    why="Spaces and line ends are part of the text, and a model must learn to write them.",
    read="#nothing-is-lost",
)
def text_stripped(source):
    return change(source, "in _pieces(text)", "in _pieces(text.strip())")


@mistake(
    "tokenizer",
    says="The text is normalised: characters that look alike become one.",
    why="é as one character and as e with an accent are different text: what was changed cannot be changed back.",
    read="#nothing-is-lost",
    seen="huggingface/tokenizers issue 324",
)
def text_normalised(source):
    source = change(source, "from tokenizers import Tokenizer,", "from tokenizers import Tokenizer, normalizers,")
    return change(
        source, "    tokenizer.decoder =", "    tokenizer.normalizer = normalizers.NFKC()\n    tokenizer.decoder ="
    )


@mistake(
    "tokenizer",
    says="Text is cut at whitespace, and the whitespace thrown away.",
    why="In byte-level BPE the space is part of the word behind it: Ġheron.",
    read="#why-bytes",
)
def cut_at_whitespace(source):
    return change(
        source,
        "pre_tokenizers.ByteLevel(add_prefix_space=False)",
        "pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)])",
    )


@mistake(
    "tokenizer",
    says="Text is not cut into words: merges run across spaces.",
    why="Frequent phrases take the vocabulary's room, and the same word gets other tokens beside other neighbours.",
    read="#how-bpe-learns",
)
def merges_across_words(source):
    return change(source, "ByteLevel(add_prefix_space=False)", "ByteLevel(add_prefix_space=False, use_regex=False)")


@mistake(
    "tokenizer",
    says="The 256 bytes are not counted in the size of the vocabulary.",
    why="The embedding has vocab_size rows: an id beyond them is an index error in the model, or worse on a GPU.",
    read="#how-bpe-learns",
)
def bytes_not_counted(source):
    return change(source, "        vocab_size=vocab_size,\n", "        vocab_size=vocab_size + 256,\n")


@mistake(
    "tokenizer",
    says="One string is taken for a list of texts: training reads it letter by letter.",
    why="No letter has a neighbour then, no pair is found, and the tokenizer has no merge at all.",
    read="#how-bpe-learns",
)
def string_read_by_letters(source):
    return change(source, "if isinstance(texts, str):", "if False:")


@mistake(
    "tokenizer",
    says="A vocabulary without room for the bytes and the special tokens is accepted.",
    why="The library makes a larger one than was asked for, and says nothing.",
    read="#how-bpe-learns",
)
def too_small_accepted(source):
    return change(source, "if vocab_size < smallest:", "if vocab_size < 0:")


@mistake(
    "tokenizer",
    says="The special tokens are not counted in the room that a vocabulary needs.",
    why="With two special tokens and 256 bytes, 257 ids are one too few.",
    read="#special-tokens",
)
def room_without_special_tokens(source):
    return change(source, "smallest = 256 + len(special_tokens)", "smallest = 256")


@mistake(
    "tokenizer",
    says="Special tokens are split into pieces like any other text.",
    why="The model would have to learn that <|endoftext|> in seven pieces ends a text.",
    read="#special-tokens",
    seen="Yuanhy1997/SeqDiffuSeq issue 11",
)
def special_tokens_split(source):
    return change(source, "        special_tokens=list(special_tokens),\n", "")


@mistake(
    "tokenizer",
    says="Of the special tokens that were given only the end of text is known.",
    why="<unk> of WikiText-2 is one symbol there, and must not become three or four tokens.",
    read="#special-tokens",
)
def one_special_token_only(source):
    return change(source, "special_tokens=list(special_tokens)", "special_tokens=[END_OF_TEXT]")


@mistake(
    "tokenizer",
    says="The special tokens are put behind the learned ones.",
    why="Their ids would depend on how much training found; the first ids are always the same.",
    read="#special-tokens",
)
def special_tokens_last(source):
    source = change(source, "        special_tokens=list(special_tokens),\n", "")
    return change(
        source,
        "    tokenizer.train_from_iterator(texts, trainer)\n",
        "    tokenizer.train_from_iterator(texts, trainer)\n    tokenizer.add_special_tokens(list(special_tokens))\n",
    )


@mistake(
    "tokenizer",
    says="A special token swallows the space in front of it.",
    why="The space does not come back, and the token that it should have been is missing from the training text.",
    read="#special-tokens",
    seen="the transformers library: RoBERTa's <mask> is an AddedToken with lstrip=True",
)
def special_token_swallows_space(source):
    source = change(source, "from tokenizers import Tokenizer,", "from tokenizers import AddedToken, Tokenizer,")
    return change(
        source,
        "special_tokens=list(special_tokens)",
        "special_tokens=[AddedToken(token, lstrip=True, special=True, normalized=False) for token in special_tokens]",
    )


@mistake(
    "tokenizer",
    says="The tokenizer was trained on the validation split as well.",
    why="It has merges for words that only validation has, so validation looks easier than new text is.",
    read="#the-tokenizer-sees-the-train-split-alone",
    seen="keras-team/keras issue 7447",
)
def trained_on_all_splits(source):
    return change(source, 'train_bpe([splits["train"]], ', "train_bpe(splits.values(), ")


@mistake(
    "tokenizer",
    says="The tokenizer was trained on the validation split.",
    why="Its merges fit the text that should judge them, and not the text that the model learns from.",
    read="#the-tokenizer-sees-the-train-split-alone",
)
def trained_on_validation(source):
    return change(source, 'train_bpe([splits["train"]], ', 'train_bpe([splits["validation"]], ')


@mistake(
    "tokenizer",
    says="The special tokens that were asked for are not handed on.",
    why="A tokenizer without its <pad> or <unk> is found out only when the model meets one.",
    read="#special-tokens",
)
def special_tokens_not_handed_on(source):
    return change(source, '[splits["train"]], vocab_size, special_tokens)', '[splits["train"]], vocab_size)')


@mistake(
    "tokenizer",
    says="GPT-2's end of text is not known as a special token, and is split.",
    why="It stands in vocab.json, but no merge leads to it: without being told, BPE cannot find it.",
    read="#gpt-2s-two-files",
)
def gpt2_end_of_text_split(source):
    return change(source, "    tokenizer.add_special_tokens([END_OF_TEXT])\n", "")


@mistake(
    "tokenizer",
    says="A missing file gives the library's own error, which does not say which file.",
    why="Somebody with only one of the two files should be told what to look for.",
    read="#gpt-2s-two-files",
)
def missing_gpt2_file(source):
    return change(source, "    for file in (vocab_file, merges_file):", "    for file in ():")


@mistake(
    "tokenizer",
    says="GPT-2's merges are not used: every text is single bytes.",
    why="The vocabulary alone does not say in which order bytes grow together.",
    read="#gpt-2s-two-files",
)
def gpt2_without_merges(source):
    return change(
        source,
        "models.BPE.from_file(str(vocab_file), str(merges_file))",
        "models.BPE(models.BPE.read_file(str(vocab_file), str(merges_file))[0], [])",
    )


@mistake(
    "tokenizer",
    says="Of the saved tokenizer only vocabulary and merges are used.",
    why="How text is cut, how bytes are joined and what is special belong to it too: without them the ids are others.",
    read="#gpt-2s-two-files",
)
def only_the_model_loaded(source):
    return change(
        source, "return Tokenizer.from_file(str(path))\n", "return Tokenizer(Tokenizer.from_file(str(path)).model)\n"
    )


@mistake(
    "tokenizer",
    says="A folder that is missing is not made.",
    why="An hour of training ends in an error about a path.",
    read="#gpt-2s-two-files",
)
def folder_not_made(source):
    return change(source, "    Path(path).parent.mkdir(parents=True, exist_ok=True)\n", "")


# ---------------------------------------------------------------- 4.2 by hand


@mistake(
    "bpe_by_hand",
    says="The last pair is not counted.",
    why="n ids have n - 1 neighbours, the last of them included.",
    read="#bpe-by-hand",
)
def last_pair_not_counted(source):
    return change(source, "in pairwise(ids):", "in pairwise(ids[:-1]):")


@mistake(
    "bpe_by_hand",
    says="The second of two merged ids is used again.",
    why="Merging (1, 1) in 1 1 1 gives two tokens for three bytes of text, and the text grows when it is decoded.",
    read="#bpe-by-hand",
    seen="karpathy/minbpe pull request 38",
)
def merged_with_overlap(source):
    return change(source, "            position += 2\n", "            position += 1\n")


@mistake(
    "bpe_by_hand",
    says="Only the first place of the pair is merged.",
    why="A merge holds for the whole text: otherwise the same letters have different tokens.",
    read="#bpe-by-hand",
)
def merged_once(source):
    return change(
        source,
        "if tuple(ids[position : position + 2]) == pair:",
        "if new not in merged and tuple(ids[position : position + 2]) == pair:",
    )


@mistake(
    "bpe_by_hand",
    says="The last id is lost.",
    why="It has no right neighbour, but it is text all the same.",
    read="#bpe-by-hand",
)
def last_id_lost(source):
    return change(source, "while position < len(ids):", "while position < len(ids) - 1:")


@mistake(
    "bpe_by_hand",
    says="Training starts from characters, not from bytes.",
    why="The code point of 你 is 20,320: there is no end to the alphabet, and new ids collide with characters.",
    read="#why-bytes",
)
def trained_on_characters(source):
    return change(
        source,
        'ids = list(text.encode("utf-8"))\n    merges: ',
        "ids = [ord(character) for character in text]\n    merges: ",
    )


@mistake(
    "bpe_by_hand",
    says="The first new id is 255, which is a byte.",
    why="Bytes are 0 to 255: two different things would have one id.",
    read="#bpe-by-hand",
)
def new_ids_from_255(source):
    return change(source, "in range(256, vocab_size):", "in range(255, vocab_size - 1):")


@mistake(
    "bpe_by_hand",
    says="Of equally frequent pairs the one with the largest ids is taken, not the one met first.",
    why="Either rule would do, but two people who use different ones get different tokenizers.",
    read="#bpe-by-hand",
)
def ties_to_the_largest(source):
    return change(source, "max(counts, key=counts.__getitem__)", "max(counts, key=lambda pair: (counts[pair], pair))")


@mistake(
    "bpe_by_hand",
    says="Pairs that occur once are merged too.",
    why="A token that stands for one place of the training text is of no use anywhere else.",
    read="#bpe-by-hand",
)
def merges_single_pairs(source):
    return change(source, "max(counts.values()) < 2", "max(counts.values()) < 1")


@mistake(
    "bpe_by_hand",
    says="The merge is remembered, but the text of training is left as it was.",
    why="The next count sees the old text, and finds the same pair again.",
    read="#bpe-by-hand",
)
def training_text_not_merged(source):
    return change(
        source, "        merges[pair] = new\n        ids = merge_pair(ids, pair, new)\n", "        merges[pair] = new\n"
    )


@mistake(
    "bpe_by_hand",
    says="When a text is encoded, the merges are applied from the last to the first.",
    why="Later merges are made of earlier ones, so they find nothing yet.",
    read="#bpe-by-hand",
)
def encoded_backwards(source):
    return change(source, "in merges.items():\n        ids = ", "in reversed(merges.items()):\n        ids = ")


@mistake(
    "bpe_by_hand",
    says="When a text is encoded, the first pair from the left that has a merge is taken, not the one learned first.",
    why="Where two merges want the same byte, the text falls apart in another way than it did in training.",
    read="#how-bpe-learns",
)
def encoded_from_the_left(source):
    return change(
        source,
        "    for pair, new in merges.items():\n        ids = merge_pair(ids, pair, new)\n",
        "    while pair := next((pair for pair in pairwise(ids) if pair in merges), None):\n"
        "        ids = merge_pair(ids, pair, merges[pair])\n",
    )


@mistake(
    "bpe_by_hand",
    says="Merges are learned anew from the text that is to be encoded.",
    why="The same word would have other ids in every text, and no model could learn them.",
    read="#bpe-by-hand",
)
def merges_of_the_new_text(source):
    return change(
        source,
        "in merges.items():\n        ids = ",
        "in train_merges(text, 256 + len(merges)).items():\n        ids = ",
    )


@mistake(
    "bpe_by_hand",
    says="Each token is read as UTF-8 on its own, so that characters of several bytes break.",
    why="é is two tokens of one byte here, and neither of them is text.",
    read="#nothing-is-lost",
    seen="huanglizhuo/QwenASR pull request 12",
)
def decoded_one_by_one(source):
    return change(
        source,
        'b"".join(spelled[i] for i in ids).decode("utf-8", errors="replace")',
        '"".join(spelled[i].decode("utf-8", errors="replace") for i in ids)',
    )


@mistake(
    "bpe_by_hand",
    says="Half a character raises an error.",
    why="A model may stop in the middle of an emoji; its sample should still be shown.",
    read="#nothing-is-lost",
    seen="IAPark/tiktoken_ruby pull request 123",
)
def half_a_character_raises(source):
    return change(source, 'decode("utf-8", errors="replace")', 'decode("utf-8")')


@mistake(
    "bpe_by_hand",
    says="Bytes that are no character are left out without a trace.",
    why="A mark in their place shows that something was cut; nothing at all hides it.",
    read="#nothing-is-lost",
)
def half_a_character_vanishes(source):
    return change(source, 'errors="replace"', 'errors="ignore"')


# ---------------------------------------------------------------- 4.3 dataset


@mistake(
    "dataset",
    says="Ids are stored in int16: those above 32,767 come back negative.",
    why="GPT-2 has 50,257 ids. Two bytes hold 65,536 of them only without a sign.",
    read="#ids-on-disk",
    seen="urvashik/knnlm issue 6",
)
def int16(source):
    return change(source, "np.uint16 if small else np.uint32)", "np.int16 if small else np.uint32)")


@mistake(
    "dataset",
    says="Ids are stored in uint16 whatever the vocabulary: those from 65,536 on start again at 0.",
    why="NumPy cuts off what does not fit, without a word, and the text becomes another.",
    read="#ids-on-disk",
    seen="huggingface/transformers issue 2825",
)
def always_uint16(source):
    return change(source, "np.uint16 if small else np.uint32", "np.uint16")


@mistake(
    "dataset",
    says="Ids are stored in eight bytes each.",
    why="Four times the disk and four times the reading, for zeros.",
    read="#ids-on-disk",
    seen="mosaicml/llm-foundry issue 321",
)
def stored_as_int64(source):
    return change(source, "checked.astype(np.uint16 if small else np.uint32)", "checked")


@mistake(
    "dataset",
    says="The type is chosen by the largest id that happens to occur, not by the vocabulary.",
    why="Two splits of one text would be stored in two types.",
    read="#ids-on-disk",
)
def type_by_the_largest_id(source):
    return change(source, "small = vocab_size <=", "small = checked.max() + 1 <=")


@mistake(
    "dataset",
    says="The limit of uint16 is one too low: a vocabulary of 65,536 fits.",
    why="Its largest id is 65,535, and that is the largest number of 16 bits.",
    read="#ids-on-disk",
    seen="jcjohnson/torch-rnn issue 27",
)
def limit_one_too_low(source):
    return change(source, "np.iinfo(np.uint16).max + 1", "np.iinfo(np.uint16).max")


@mistake(
    "dataset",
    says="The limit of uint16 is one too high: the last id of a vocabulary of 65,537 does not fit.",
    why="Id 65,536 would be stored as 0, and only a text that has it shows the fault.",
    read="#ids-on-disk",
)
def limit_one_too_high(source):
    return change(source, "np.iinfo(np.uint16).max + 1", "np.iinfo(np.uint16).max + 2")


@mistake(
    "dataset",
    says="The file gets .npy at the end of its name, which nobody asked for.",
    why="Whoever opens the name that they gave finds nothing.",
    read="#ids-on-disk",
    seen="NumPy's documentation: save adds .npy to a file's name",
)
def suffix_added(source):
    return change(
        source,
        '    with open(unfinished, "wb") as file:\n        np.save(file, ',
        '    with open(unfinished, "wb"):\n        np.save(path, ',
    ).replace("os.replace(unfinished, path)", "unfinished.unlink()")


@mistake(
    "dataset",
    says="Ids beyond the vocabulary are written.",
    why="The model's embedding has no row for them: the error comes an hour later, far from its cause.",
    read="#ids-on-disk",
)
def large_ids_accepted(source):
    return change(source, "checked.min() < 0 or checked.max() >= vocab_size", "checked.min() < 0")


@mistake(
    "dataset",
    says="An id that equals vocab_size is written; the largest one is vocab_size - 1.",
    why="Ids count from 0. The embedding has no row of that number.",
    read="#ids-on-disk",
)
def one_id_too_many(source):
    return change(source, "checked.max() >= vocab_size", "checked.max() > vocab_size")


@mistake(
    "dataset",
    says="Negative ids are written.",
    why="Without a sign, -1 is 65,535; and -100 is a mark for targets, not a token.",
    read="#ids-on-disk",
)
def negative_ids_accepted(source):
    return change(source, "checked.min() < 0 or checked.max() >= vocab_size", "checked.max() >= vocab_size")


@mistake(
    "dataset",
    says="The ids are written straight to their place: when that fails, half a file lies there.",
    why="The old ids are gone, the new ones are not there, and the next run finds a file of that name.",
    read="#ids-on-disk",
)
def written_in_place(source):
    return change(source, 'unfinished = path.with_name(path.name + ".unfinished")', "unfinished = path")


@mistake(
    "dataset",
    says="The file is written before the ids are looked at.",
    why="A refused file that is there all the same is taken for a good one by the next run.",
    read="#ids-on-disk",
)
def written_before_checked(source):
    return change(
        source,
        "    checked = np.fromiter(ids, dtype=np.int64)\n",
        "    checked = np.fromiter(ids, dtype=np.int64)\n"
        "    Path(path).parent.mkdir(parents=True, exist_ok=True)\n"
        '    with open(path, "wb") as early:\n'
        "        np.save(early, checked)\n",
    )


@mistake(
    "dataset",
    says="The whole file is read into memory.",
    why="A text of 20 GB would need 20 GB in every process, though each block needs a few hundred bytes.",
    read="#ids-on-disk",
)
def file_read_whole(source):
    return change(source, 'np.lib.format.open_memmap(path, mode="r")', "np.load(path)")


@mistake(
    "dataset",
    says="The file is opened for writing.",
    why="One slip in training and the data set on the disk is another, for good.",
    read="#ids-on-disk",
)
def opened_for_writing(source):
    return change(source, 'mode="r")', 'mode="r+")')


@mistake(
    "dataset",
    says="A missing file is reported as a broken one.",
    why="The one is cured by writing the ids, the other by writing them again: say which.",
    read="#ids-on-disk",
)
def missing_file_is_broken(source):
    return change(source, 'raise FileNotFoundError(f"{path} is not', 'raise ValueError(f"{path} is not')


@mistake(
    "dataset",
    says="y is x itself, not one token later.",
    why="The model can copy its input: the loss falls to 0, and it has learned nothing.",
    read="#x-and-y",
    seen="huggingface/transformers issue 27517",
)
def y_is_x(source):
    return change(source, "y[:here] = tokens[1:]", "y[:here] = tokens[:-1]")


@mistake(
    "dataset",
    says="y is shifted the wrong way: the target is the token before, not the one after.",
    why="The model would learn to name what it has just read.",
    read="#x-and-y",
)
def shifted_the_wrong_way(source):
    source = change(source, "x[:here] = tokens[:-1]", "x[:here] = tokens[1:]")
    return change(source, "y[:here] = tokens[1:]", "y[:here] = tokens[:-1]")


@mistake(
    "dataset",
    says="y is two tokens later, not one.",
    why="Somebody shifted already: if the dataset shifts and the loss shifts again, each step leaves out a token.",
    read="#x-and-y",
    seen="huggingface/transformers pull request 46898",
)
def shifted_twice(source):
    return change(source, "y[:here] = tokens[1:]", "y[: here - 1] = tokens[2:]")


@mistake(
    "dataset",
    says="Blocks are a token short at the end: the last whole block is lost when it ends with the text.",
    why="13 tokens have 12 targets, three blocks of 4; the last of them needs token 13 as a target only.",
    read="#x-and-y",
    seen="karpathy/minGPT pull request 31",
)
def last_block_lost(source):
    return change(source, "else after_first // stride)", "else (after_first - 1) // stride)")


@mistake(
    "dataset",
    says="A block begins one token too late: the last target of the block before should be its first input.",
    why="Its first token is then a target nowhere: with blocks of 4, one target in five is lost.",
    read="#x-and-y",
    seen="huggingface/transformers issue 30975",
)
def border_targets_lost(source):
    source = change(source, "        self.stride = stride\n", "        stride = self.stride = stride + 1\n")
    return change(
        source, "y[: self.block_size - self.stride] = IGNORED", "y[: max(0, self.block_size - self.stride)] = IGNORED"
    )


@mistake(
    "dataset",
    says="Blocks are counted by tokens, not by targets: the last one has no target for its last token.",
    why="N tokens have N - 1 targets, since the last token is followed by nothing.",
    read="#x-and-y",
)
def one_block_too_many(source):
    return change(source, "len(tokens) - 1 - block_size", "len(tokens) - block_size")


@mistake(
    "dataset",
    says="The targets that do not fill a block are lost in evaluation.",
    why="The score is then that of another, shorter text, and depends on the block size.",
    read="#the-tail",
    seen="openai/parameter-golf pull request 124",
)
def tail_lost(source):
    return change(source, "-(-after_first // stride) if keep_tail else after_first // stride", "after_first // stride")


@mistake(
    "dataset",
    says="A short block, filled up, is given in training too.",
    why="Training asked for whole blocks: a filled one costs as much as any and teaches less.",
    read="#the-tail",
)
def tail_in_training(source):
    return change(
        source, "-(-after_first // stride) if keep_tail else after_first // stride", "-(-after_first // stride)"
    )


@mistake(
    "dataset",
    says="A block without any target is given at the end when nothing is left.",
    why="A mean over no targets is 0/0, NaN, and one such batch spoils the whole evaluation.",
    read="#the-tail",
)
def empty_tail(source):
    return change(source, "-(-after_first // stride) if keep_tail", "after_first // stride + 1 if keep_tail")


@mistake(
    "dataset",
    says="The blocks at the end have no new target: they are counted as if the first scored no more than the others.",
    why="The first block scores block_size targets, each later one stride. Without targets the mean loss is 0/0.",
    read="#the-tail",
)
def blocks_by_stride(source):
    return change(
        source,
        "1 + (-(-after_first // stride) if keep_tail else after_first // stride)",
        "-(-(len(tokens) - 1) // stride) if keep_tail else 1 + after_first // stride",
    )


@mistake(
    "dataset",
    says="In the last block the text's last token stands in x too, with no target of its own.",
    why="x holds the inputs of the targets that are left. Nothing follows the last token, so it is the input of none.",
    read="#the-tail",
)
def last_token_in_x(source):
    return change(source, "x[:here] = tokens[:-1]", "x[: len(tokens)] = tokens[: self.block_size]")


@mistake(
    "dataset",
    says="The filling is scored: y holds 0 there, a real token.",
    why="The model is asked to predict a token that the text does not have, and is marked down for it.",
    read="#the-tail",
)
def filling_is_scored(source):
    return change(source, "torch.full((self.block_size,), IGNORED)", "torch.zeros(self.block_size, dtype=torch.int64)")


@mistake(
    "dataset",
    says="Targets that are not scored are marked with -1.",
    why="Cross-entropy leaves out -100. With -1 it raises an error, or on a GPU ends the process.",
    read="#the-tail",
)
def marked_with_minus_one(source):
    return change(source, "IGNORED = -100", "IGNORED = -1")


@mistake(
    "dataset",
    says="The input is filled up with -100.",
    why="-100 is a mark for targets. As an input it is an id that no embedding has.",
    read="#the-tail",
)
def input_filled_with_the_mark(source):
    return change(
        source, "x = torch.zeros(self.block_size, dtype=torch.int64)", "x = torch.full((self.block_size,), IGNORED)"
    )


@mistake(
    "dataset",
    says="The last block is moved back to be full, so that some targets are scored twice.",
    why="The mean then counts the end of the text more than the rest.",
    read="#the-tail",
)
def tail_moved_back(source):
    return change(
        source,
        "        start = block * self.stride\n",
        "        start = max(0, min(block * self.stride, len(self.tokens) - 1 - self.block_size))\n",
    )


@mistake(
    "dataset",
    says="Targets that the block before has scored are scored again.",
    why="With a stride of half a block everything but the edges counts twice, the edges once.",
    read="#stride-and-overlap",
)
def overlap_scored_twice(source):
    return change(source, "        if block > 0:\n", "        if False:\n")


@mistake(
    "dataset",
    says="The overlap is left out in the first block too, where nothing was scored before.",
    why="The first targets of the text are never scored.",
    read="#stride-and-overlap",
)
def first_block_cut(source):
    return change(source, "        if block > 0:\n", "        if True:\n")


@mistake(
    "dataset",
    says="The overlap is taken one target too short: one in each block is scored twice.",
    why="A block begins stride tokens after the one before, so they share block size minus stride targets.",
    read="#stride-and-overlap",
)
def overlap_one_short(source):
    return change(
        source,
        "y[: self.block_size - self.stride] = IGNORED",
        "y[: max(0, self.block_size - self.stride - 1)] = IGNORED",
    )


@mistake(
    "dataset",
    says="As many targets are left out as the stride is long, in place of the overlap.",
    why="A block begins stride tokens after the one before: those are the new ones, to be scored.",
    read="#stride-and-overlap",
)
def stride_for_overlap(source):
    return change(
        source, "y[: self.block_size - self.stride] = IGNORED", "y[: self.stride % self.block_size] = IGNORED"
    )


@mistake(
    "dataset",
    says="The end of a block is left out, in place of its beginning.",
    why="The targets at the end are the new ones, and the ones with most context.",
    read="#stride-and-overlap",
)
def wrong_end_left_out(source):
    return change(source, "y[: self.block_size - self.stride] = IGNORED", "y[self.stride :] = IGNORED")


@mistake(
    "dataset",
    says="The stride is not used: every block begins where the one before ended.",
    why="There are as many blocks as the stride asks for, so the last ones lie beyond the text.",
    read="#stride-and-overlap",
)
def stride_not_used(source):
    return change(source, "start = block * self.stride", "start = block * self.block_size")


@mistake(
    "dataset",
    says="A stride larger than the block is accepted: tokens between blocks are skipped.",
    why="Part of the text is never read, and nothing says so.",
    read="#stride-and-overlap",
)
def gaps_accepted(source):
    return change(source, "if not 1 <= stride <= block_size:", "if stride < 1:")


@mistake(
    "dataset",
    says="x and y share their memory.",
    why="Marking a target as not scored writes -100 into the input, where it is no token.",
    read="#nothing-kept-in-memory",
)
def x_and_y_share_memory(source):
    return change(
        source,
        "        if block > 0:\n",
        "        if here == self.block_size:\n            x, y = tokens[:-1], tokens[1:]\n        if block > 0:\n",
    )


@mistake(
    "dataset",
    says="x and y are of 32 bits; a model and its loss want 64.",
    why="PyTorch's cross-entropy takes targets of type int64 only.",
    read="#x-and-y",
    seen="karpathy/nanoGPT issue 373",
)
def blocks_of_int32(source):
    source = change(
        source,
        "x = torch.zeros(self.block_size, dtype=torch.int64)",
        "x = torch.zeros(self.block_size, dtype=torch.int32)",
    )
    return change(
        source, "torch.full((self.block_size,), IGNORED)", "torch.full((self.block_size,), IGNORED, dtype=torch.int32)"
    )


@mistake(
    "dataset",
    says="Ids are read as int16 on the way to the tensor: those above 32,767 become negative.",
    why="PyTorch long had no uint16, so it is tempting to go by int16, and GPT-2 has 50,257 ids.",
    read="#ids-on-disk",
)
def read_as_int16(source):
    return change(source, "+ 1].astype(np.int64))", "+ 1].astype(np.int16))")


@mistake(
    "dataset",
    says="An index that does not exist is not refused.",
    why="A for loop over a data set ends at IndexError: without it, it never ends or gives broken blocks.",
    read="#x-and-y",
)
def any_index(source):
    return change(source, "block = range(self.blocks)[index]", "block = index % self.blocks")


@mistake(
    "dataset",
    says="Too few tokens for a single block give a data set of length 0.",
    why="An epoch of no steps, and a mean loss of 0/0, instead of a sentence that says what is wrong.",
    read="#x-and-y",
)
def too_few_accepted(source):
    return change(source, "if len(tokens) < needed:", "if False:")


@mistake(
    "dataset",
    says="A text that has exactly one block is refused.",
    why="block_size + 1 tokens are enough: the one more is the last target.",
    read="#x-and-y",
    seen="AOSSIE-Org/OpenVerifiableLLM pull request 92",
)
def one_token_too_strict(source):
    return change(source, "else block_size + 1\n", "else block_size + 2\n")


@mistake(
    "dataset",
    says="All tokens are copied into memory when the data set is made.",
    why="The memory map is for nothing then, and every loading process has a copy of its own.",
    read="#nothing-kept-in-memory",
    seen="pytorch/pytorch issue 2052",
)
def copied_into_memory(source):
    return change(source, "        self.tokens = tokens\n", "        self.tokens = np.array(tokens)\n")


@mistake(
    "dataset",
    says="Pickled, the data set takes the whole file along.",
    why="Each loading process is sent a copy, where the file's name would do.",
    read="#nothing-kept-in-memory",
    seen="pytorch/pytorch issue 63301",
)
def pickled_whole(source):
    return change(
        source, "if isinstance(self.tokens, np.memmap) and isinstance(self.tokens.base, mmap.mmap):", "if False:"
    )


@mistake(
    "dataset",
    says="Pickling changes the data set itself: it has the file's name in place of the tokens.",
    why="The process that starts the loading processes goes on with a data set that is broken.",
    read="#nothing-kept-in-memory",
)
def pickling_changes_it(source):
    return change(source, "state = self.__dict__.copy()", "state = self.__dict__")


@mistake(
    "dataset",
    says="A slice of a mapped file, pickled, comes back as the whole file.",
    why="A run on one per cent of the text quietly becomes a run on all of it, but only with loading processes.",
    read="#nothing-kept-in-memory",
)
def slice_becomes_the_file(source):
    return change(source, " and isinstance(self.tokens.base, mmap.mmap):", ":")


# ---------------------------------------------------------------- 4.4 loaders


@mistake(
    "loaders",
    says="A multiple of the seed and the epoch are added: after that many epochs one seed goes on as the next.",
    why="It puts the collision off, and a run that counts in small epochs gets there. SeedSequence has none.",
    read="#an-order-for-every-epoch",
)
def thousand_seeds_plus_epoch(source):
    return change(
        source,
        "int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])",
        "1000 * seed + epoch",
    )


@mistake(
    "loaders",
    says="Seed and epoch are added: epoch 1 of one seed is epoch 0 of the next.",
    why="Runs with neighbouring seeds see the same orders, one epoch apart, and are not independent.",
    read="#an-order-for-every-epoch",
    seen="PyTorch's DistributedSampler: manual_seed(self.seed + self.epoch)",
)
def seed_plus_epoch(source):
    return change(source, "int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])", "seed + epoch")


@mistake(
    "loaders",
    says="Every epoch has the same order.",
    why="The same neighbours in every batch, and the same items dropped at the end, in every epoch.",
    read="#an-order-for-every-epoch",
    seen="pytorch/pytorch issue 31771",
)
def same_order_each_epoch(source):
    return change(source, "manual_seed(_mixed(self.seed, self.epoch))", "manual_seed(_mixed(self.seed, 0))")


@mistake(
    "loaders",
    says="The seed has no effect on the order.",
    why="Runs with different seeds show how much a result varies; here they do not.",
    read="#an-order-for-every-epoch",
)
def seed_not_used(source):
    return change(source, "manual_seed(_mixed(self.seed, self.epoch))", "manual_seed(_mixed(0, self.epoch))")


@mistake(
    "loaders",
    says="The order is drawn from PyTorch's global generator.",
    why="It depends then on all that was drawn before, weights and dropout included, and cannot be repeated.",
    read="#an-order-for-every-epoch",
    seen="pytorch/pytorch issue 11062",
)
def order_from_the_global_generator(source):
    return change(
        source,
        "        generator = torch.Generator().manual_seed(_mixed(self.seed, self.epoch))\n"
        "        return iter(torch.randperm(self.length, generator=generator).tolist())\n",
        "        return iter(torch.randperm(self.length).tolist())\n",
    )


@mistake(
    "loaders",
    says="PyTorch's global generator is seeded for the order.",
    why="The dropout of every epoch starts from the same numbers, whatever the model drew before.",
    read="#an-order-for-every-epoch",
)
def global_generator_seeded(source):
    return change(
        source,
        "generator = torch.Generator().manual_seed(_mixed(self.seed, self.epoch))",
        "generator = torch.manual_seed(_mixed(self.seed, self.epoch))",
    )


@mistake(
    "loaders",
    says="One generator goes on from epoch to epoch.",
    why="The order of epoch 3 depends on whether epochs 0 to 2 were drawn: a resumed run takes another path.",
    read="#an-order-for-every-epoch",
    seen="karpathy/nanoGPT issue 467",
)
def generator_goes_on(source):
    source = change(
        source,
        "        generator = torch.Generator()",
        "        generator = self.__dict__.setdefault('g', torch.Generator()",
    )
    return change(
        source, "manual_seed(_mixed(self.seed, self.epoch))\n", "manual_seed(_mixed(self.seed, self.epoch)))\n"
    )


@mistake(
    "loaders",
    says="One generator is shared by all loaders.",
    why="The order of one loader depends on what another has drawn.",
    read="#an-order-for-every-epoch",
)
def generator_shared(source):
    source = change(
        source, "class EpochSampler(", "_shared = torch.Generator().manual_seed(0)\n\n\nclass EpochSampler("
    )
    return change(source, "generator=generator)", "generator=_shared)")


@mistake(
    "loaders",
    says="The workers draw the same numbers, whatever the seed is.",
    why="torch.Generator() begins with the same number every time: runs with other seeds share their augmentation.",
    read="#workers-and-their-seeds",
)
def workers_always_alike(source):
    return change(source, "torch.Generator().manual_seed(_mixed(seed, epoch)),  # for", "torch.Generator(),  # for")


@mistake(
    "loaders",
    says="The items are not shuffled.",
    why="Neighbouring blocks come from one article: a batch of them is not a sample of the text.",
    read="#an-order-for-every-epoch",
)
def not_shuffled(source):
    return change(source, "torch.randperm(self.length, generator=generator)", "torch.arange(self.length)")


@mistake(
    "loaders",
    says="Items are drawn with replacement: some come twice in an epoch, others never.",
    why="After one epoch a third of the text has not been read.",
    read="#an-order-for-every-epoch",
    seen="karpathy/nanoGPT issue 294",
)
def drawn_with_replacement(source):
    return change(
        source,
        "torch.randperm(self.length, generator=generator)",
        "torch.randint(self.length, (self.length,), generator=generator)",
    )


@mistake(
    "loaders",
    says="set_epoch changes nothing.",
    why="The first order is used in every epoch.",
    read="#an-order-for-every-epoch",
)
def set_epoch_ignored(source):
    return change(
        source,
        '        """From the next time through, give the order of this epoch."""\n        self.epoch = epoch\n',
        '        """From the next time through, give the order of this epoch."""\n',
    )


@mistake(
    "loaders",
    says="The epoch that the loader is asked for is not handed to its sampler.",
    why="A run that is resumed in epoch 3 goes through epoch 0 again.",
    read="#an-order-for-every-epoch",
)
def first_epoch_always(source):
    return change(source, "sampler=EpochSampler(len(dataset), seed, epoch)", "sampler=EpochSampler(len(dataset), seed)")


@mistake(
    "loaders",
    says="The short last batch is kept in training.",
    why="Its few items count as much in the step as a whole batch, and shapes change.",
    read="#evaluation-loses-nothing",
)
def short_batch_in_training(source):
    return change(source, "drop_last=True", "drop_last=False")


@mistake(
    "loaders",
    says="The last batch is dropped in evaluation.",
    why="The score then leaves out the end of the text, more of it the larger the batch.",
    read="#evaluation-loses-nothing",
    seen="thuml/Autoformer issue 104",
)
def evaluation_drops_last(source):
    return change(source, "drop_last=False", "drop_last=True")


@mistake(
    "loaders",
    says="Evaluation is shuffled.",
    why="The mean is the same but for rounding, yet no two runs can be compared batch by batch.",
    read="#evaluation-loses-nothing",
)
def evaluation_shuffled(source):
    return change(source, "shuffle=False", "shuffle=True")


@mistake(
    "loaders",
    says="Going through the evaluation loader moves PyTorch's global generator.",
    why="How often you evaluate changes the dropout of the training, and with it the result.",
    read="#evaluation-loses-nothing",
    seen="pytorch/pytorch issue 80119",
)
def evaluation_moves_the_generator(source):
    return change(source, "        generator=torch.Generator(),\n", "")


@mistake(
    "loaders",
    says="Going through the training loader moves PyTorch's global generator.",
    why="Dropout then depends on how often a loader was started: a resumed run takes another path.",
    read="#an-order-for-every-epoch",
    seen="pytorch/pytorch issue 36998",
)
def training_moves_the_generator(source):
    return change(
        source, "        generator=torch.Generator().manual_seed(_mixed(seed, epoch)),  # for the workers' seeds\n", ""
    )


@mistake(
    "loaders",
    says="Page-locked memory is asked for where there is no CUDA device.",
    why="There is nothing to copy to: a warning, and time lost.",
    read="#page-locked-memory",
    seen="JaidedAI/EasyOCR issue 1414",
)
def pinned_without_cuda(source):
    return source.replace("pin_memory=pin_memory and torch.cuda.is_available()", "pin_memory=pin_memory")


@mistake(
    "loaders",
    says="pin_memory has no effect.",
    why="While a batch is copied to the GPU, the GPU cannot compute.",
    read="#page-locked-memory",
)
def never_pinned(source):
    return source.replace("        pin_memory=pin_memory and torch.cuda.is_available(),\n", "")


@mistake(
    "loaders",
    says="Workers are asked to stay where there are none.",
    why="DataLoader refuses: there is nothing to keep alive with num_workers=0.",
    read="#workers-and-their-seeds",
    seen="mllam/neural-lam issue 234",
)
def always_persistent(source):
    return source.replace("persistent_workers=num_workers > 0", "persistent_workers=True")


@mistake(
    "loaders",
    says="Workers end with every epoch, and are started again.",
    why="Starting a process takes seconds: on a short epoch, longer than the epoch.",
    read="#workers-and-their-seeds",
)
def never_persistent(source):
    return source.replace("        persistent_workers=num_workers > 0,\n", "")


@mistake(
    "loaders",
    says="The loader has no function that seeds its workers.",
    why="A forked worker has its parent's state: what nobody seeds draws the same numbers in every worker.",
    read="#workers-and-their-seeds",
    seen="pytorch/pytorch issue 5059",
)
def workers_not_seeded(source):
    return source.replace("        worker_init_fn=seed_worker,\n", "")


@mistake(
    "loaders",
    says="The number of workers is not handed on.",
    why="All is loaded in the training process, however many workers were asked for.",
    read="#workers-and-their-seeds",
)
def workers_ignored(source):
    return source.replace("        num_workers=num_workers,\n", "").replace(
        "        persistent_workers=num_workers > 0,\n", ""
    )


@mistake(
    "loaders",
    says="Every worker gets the same seed.",
    why="Four workers that draw the same random crops give every crop four times.",
    read="#workers-and-their-seeds",
    seen="facebookresearch/fairseq issue 1383",
)
def same_seed_for_all_workers(source):
    return change(source, "seed = torch.initial_seed() % 2**32", "seed = 0")


@mistake(
    "loaders",
    says="A worker's seed is its number, the same whenever workers are started.",
    why="Every epoch and every run repeats the same random crops, whatever seed it was given.",
    read="#workers-and-their-seeds",
    seen="xingyizhou/CenterNet issue 233",
)
def seeded_by_number(source):
    return change(source, "seed = torch.initial_seed() % 2**32", "seed = worker_id")


@mistake(
    "loaders",
    says="The seed is not made small enough for NumPy.",
    why="NumPy's seeds are below 2³², PyTorch's are not: sooner or later a worker dies.",
    read="#workers-and-their-seeds",
    seen="NVIDIA/Megatron-LM issue 88",
)
def seed_too_large_for_numpy(source):
    return change(source, "torch.initial_seed() % 2**32", "torch.initial_seed()")


@mistake(
    "loaders",
    says="Python's random is not seeded.",
    why="PyTorch happens to do it today. This function is the place to say what you rely on.",
    read="#workers-and-their-seeds",
    seen="pytorch/pytorch issue 3880",
)
def random_not_seeded(source):
    return change(source, "    random.seed(seed)\n", "")


@mistake(
    "loaders",
    says="NumPy is not seeded.",
    why="Until PyTorch 1.9 nobody else did it, and four workers gave every random crop four times.",
    read="#workers-and-their-seeds",
    seen="open-mmlab/OpenPCDet issue 886",
)
def numpy_not_seeded(source):
    return change(source, "    np.random.seed(seed)\n", "")


# ---------------------------------------------------------------- 4.5 validation


@mistake(
    "validation",
    says="The tokenizer for all splits was trained on all splits.",
    why="It has merges for words that only validation has, so validation looks easier than new text is.",
    read="#the-tokenizer-sees-the-train-split-alone",
    seen="richliao/textClassifier issue 26",
)
def prepared_with_all_splits(source):
    return change(
        source,
        "train_on_splits(splits, vocab_size)",
        'train_on_splits({"train": " ".join(splits.values())}, vocab_size)',
    )


@mistake(
    "validation",
    says="Every split has a tokenizer of its own.",
    why="Id 300 is then one word in train and another in validation: the model reads nonsense.",
    read="#validation-apart-from-train",
)
def a_tokenizer_for_each_split(source):
    return change(
        source,
        "    for split, text in splits.items():\n",
        '    for split, text in splits.items():\n        tokenizer = train_on_splits({"train": text}, vocab_size)\n',
    )


@mistake(
    "validation",
    says="The ids of the train split are written for every split.",
    why="Validation on the text of training: the loss looks good, and means nothing.",
    read="#validation-apart-from-train",
)
def train_written_for_all(source):
    return change(source, "write_tokens(encode(tokenizer, text),", 'write_tokens(encode(tokenizer, splits["train"]),')


@mistake(
    "validation",
    says="The ids are written for the vocabulary that was asked for, not for the one that the tokenizer has.",
    why="A short text runs out of pairs: its few tokens then take four bytes each where two would do.",
    read="#validation-apart-from-train",
)
def vocabulary_as_asked_for(source):
    return change(source, "tokenizer.get_vocab_size())", "vocab_size)")


@mistake(
    "validation",
    says="The validation loader leaves out the targets that do not fill a block.",
    why="The score is then that of another, shorter text, and depends on the block size.",
    read="#evaluation-loses-nothing",
    seen="openai/parameter-golf pull request 124",
)
def validation_tail_lost(source):
    return change(source, "stride, keep_tail=True)", "stride)")


@mistake(
    "validation",
    says="The validation loader does not hand its stride on.",
    why="Whoever asks for more context gets the same score as before, and does not know why.",
    read="#stride-and-overlap",
)
def validation_stride_forgotten(source):
    return change(source, "block_size, stride, keep_tail=True)", "block_size, keep_tail=True)")


@mistake(
    "validation",
    says="The validation set goes through the loader for training: shuffled, and its last batch dropped.",
    why="Up to a batch of the text is never scored, and another part of it each time.",
    read="#evaluation-loses-nothing",
    seen="verl-project/verl issue 78",
)
def validation_through_train_loader(source):
    source = change(source, "from .loaders import eval_loader", "from .loaders import train_loader")
    return change(source, "return eval_loader(dataset, batch_size)", "return train_loader(dataset, batch_size, seed=0)")


@mistake(
    "validation",
    says="Train is cut side by side as well: a copy that begins between two cuts is not found.",
    why="Text that was copied does not respect your cuts.",
    read="#leaks",
)
def train_cut_side_by_side(source):
    return change(source, "range(0, len(text) - size + 1, 4)", "range(0, len(text) - size + 1, size)")


@mistake(
    "validation",
    says="A piece is also found where no token begins: its bytes are looked for at every byte.",
    why="Seen from its second byte on, a row of 256 is a row of 1: a leak is reported that is none.",
    read="#leaks",
)
def found_between_tokens(source):
    return change(source, "range(0, len(text) - size + 1, 4)", "range(0, len(text) - size + 1)")


@mistake(
    "validation",
    says="The last position of train is not looked at.",
    why="n tokens have n - length + 1 pieces of that length.",
    read="#leaks",
)
def end_of_train_missed(source):
    return change(source, "range(0, len(text) - size + 1, 4)", "range(0, len(text) - size, 4)")


@mistake(
    "validation",
    says="Single tokens are compared, not pieces.",
    why="Nearly every token of validation occurs somewhere in train: that is no leak.",
    read="#leaks",
)
def tokens_in_place_of_pieces(source):
    return change(
        source,
        "sum(piece not in missing for piece in pieces)",
        "sum(set(np.frombuffer(piece, np.uint32)) <= set(train) for piece in pieces)",
    )


@mistake(
    "validation",
    says="Pieces are compared with the type of their integers: the same ids in another type are not found.",
    why="Two files of one tokenizer may well be of two types, and the leak is missed.",
    read="#leaks",
)
def integer_types_compared(source):
    source = change(source, "    size = 4 * length  # bytes of a piece\n    data = _bytes(validation)\n", "")
    source = change(
        source,
        "[data[start : start + size] for start in range(0, len(data) - size + 1, size)]",
        "[validation[i : i + length].tobytes() for i in range(0, len(validation) - length + 1, length)]",
    )
    source = change(source, "range(0, len(text) - size + 1, 4)", "range(len(train) - length + 1)")
    return change(source, "text[start : start + size]", "train[start : start + length].tobytes()")


@mistake(
    "validation",
    says="A piece that stands in validation twice is counted once.",
    why="The share is one of the text, and the text has it twice.",
    read="#leaks",
)
def repeated_pieces_counted_once(source):
    return change(source, "for piece in pieces) / len(pieces)", "for piece in set(pieces)) / len(set(pieces))")


@mistake(
    "validation",
    says="Validation is cut at every position, not side by side.",
    why="A single copied piece then counts as often as it is long, and its edges count as new.",
    read="#leaks",
)
def validation_at_every_position(source):
    return change(source, "range(0, len(data) - size + 1, size)", "range(0, len(data) - size + 1, 4)")


@mistake(
    "validation",
    says="The share that is new is given, not the share that stands in train.",
    why="A report of no leak would be one of a complete leak.",
    read="#leaks",
)
def share_of_the_new(source):
    return change(source, "piece not in missing", "piece in missing")


# ---------------------------------------------------------------- 4.6 data flow


@mistake(
    "data_flow",
    says="A gradient that is 0 everywhere counts as one.",
    why="A part that was multiplied by 0, or cut off by a mask, gets a gradient and learns nothing.",
    read="#one-batch-through-the-model",
)
def zero_gradient_accepted(source):
    return change(source, "p.grad is None or not p.grad.any()", "p.grad is None")


@mistake(
    "data_flow",
    says="A parameter without any gradient is passed over.",
    why="No gradient at all is how a part that is built and never called shows.",
    read="#one-batch-through-the-model",
)
def missing_gradient_accepted(source):
    return change(source, "p.grad is None or not p.grad.any()", "p.grad is not None and not p.grad.any()")


@mistake(
    "data_flow",
    says="Parameters that are frozen on purpose are reported.",
    why="A fault that is none hides those that are.",
    read="#one-batch-through-the-model",
)
def frozen_reported(source):
    return change(source, " if parameter.requires_grad]", "]")


@mistake(
    "data_flow",
    says="The loss of a uniform guess is given in bits, not in nats.",
    why="Cross-entropy uses the natural logarithm: ln 50,257 is 10.8, and 15.6 bits.",
    read="#one-batch-through-the-model",
)
def uniform_loss_in_bits(source):
    return change(source, "math.log(vocab_size)", "math.log2(vocab_size)")


@mistake(
    "data_flow",
    says="Gradients that the model had before are counted.",
    why="A part that is never called looks alive, because an earlier step left something there.",
    read="#one-batch-through-the-model",
)
def old_gradients_counted(source):
    return change(source, "    model.eval()\n    model.zero_grad(set_to_none=True)\n", "    model.eval()\n")


@mistake(
    "data_flow",
    says="The gradients of this look are left in the model.",
    why="The first training step adds its own to them.",
    read="#one-batch-through-the-model",
)
def gradients_left(source):
    return change(
        source,
        "    model.zero_grad(set_to_none=True)\n    for module, training in modes:\n",
        "    for module, training in modes:\n",
    )


@mistake(
    "data_flow",
    says="The model is looked at in training mode.",
    why="Dropout makes the loss another each time, and larger than it should be at the start.",
    read="#one-batch-through-the-model",
)
def looked_at_in_training(source):
    return change(source, "    model.eval()\n", "    model.train()\n")


@mistake(
    "data_flow",
    says="The model is left in evaluation mode.",
    why="Training goes on without dropout, and nothing says so.",
    read="#one-batch-through-the-model",
)
def left_in_evaluation(source):
    return change(source, "        module.training = training\n", "        pass\n")


@mistake(
    "data_flow",
    says="The model is put in training mode, however it was found.",
    why="Whoever looked at a model that evaluates goes on with dropout.",
    read="#one-batch-through-the-model",
)
def left_in_training(source):
    return change(source, "        module.training = training\n", "        model.train()\n")


@mistake(
    "data_flow",
    says="The mode of the model is put on all its parts, whatever they were in.",
    why="A part that was frozen in evaluation mode trains from then on, with dropout, and nothing says so.",
    read="#one-batch-through-the-model",
)
def parts_get_the_models_mode(source):
    return change(source, "        module.training = training\n", "        model.train(modes[0][1])\n")


@mistake(
    "data_flow",
    says="Only the loss is searched for NaN and infinity, not the gradients and the logits.",
    why="The loss can be fine while one gradient is NaN: the next step spoils every weight that it reaches.",
    read="#one-batch-through-the-model",
)
def only_the_loss_searched(source):
    return change(
        source,
        '[("logits", logits), ("loss", loss), *((name, p.grad) for name, p in trainable)]',
        '[("loss", loss)]',
    )


@mistake(
    "data_flow",
    says="NaN is looked for, but not infinity.",
    why="An infinite gradient is as bad: clipped, it becomes NaN.",
    read="#one-batch-through-the-model",
)
def infinity_not_seen(source):
    return change(source, "not torch.isfinite(tensor).all()", "torch.isnan(tensor).any()")


@mistake(
    "data_flow",
    says="The ids are not looked at before the model is called.",
    why="An embedding says 'index out of range in self'; on a GPU the whole process is lost.",
    read="#one-batch-through-the-model",
    seen="BlinkDL/RWKV-LM issue 346",
)
def ids_not_looked_at(source):
    return change(source, "    _check_ids(x, y, vocab_size)\n", "")


@mistake(
    "data_flow",
    says="Only the inputs are looked at; a target beyond the vocabulary goes through to the loss.",
    why="Cross-entropy fails on it in its own way, or on a GPU takes the process along.",
    read="#one-batch-through-the-model",
)
def targets_not_looked_at(source):
    return change(source, '(("x", x), ("y", scored))', '(("x", x),)')


@mistake(
    "data_flow",
    says="-100 in y is refused, though it only marks what is not scored.",
    why="Every evaluation batch with a tail has some.",
    read="#one-batch-through-the-model",
)
def mark_refused(source):
    return change(source, "scored = y[y != -100]", "scored = y")


@mistake(
    "data_flow",
    says="Any negative number in y is taken for the mark of what is not scored.",
    why="Only -100 is. Another one is an id gone wrong, an overflow for example.",
    read="#one-batch-through-the-model",
)
def any_negative_is_a_mark(source):
    return change(source, "scored = y[y != -100]", "scored = y[y >= 0]")


@mistake(
    "data_flow",
    says="An id that equals vocab_size is accepted.",
    why="Ids count from 0: the largest is vocab_size - 1.",
    read="#one-batch-through-the-model",
    seen="kongds/E5-V issue 7",
)
def id_one_too_large(source):
    return change(source, "ids.max() >= vocab_size", "ids.max() > vocab_size")


@mistake(
    "data_flow",
    says="x and y of different shapes are accepted.",
    why="Somewhere in the loss they meet, and the message there is about something else.",
    read="#one-batch-through-the-model",
)
def shapes_not_compared(source):
    return change(source, "if x.shape != y.shape:", "if False:")
