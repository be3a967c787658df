"""Other right texts of day 7: in Chinese, as lists, with other levels of headings, with the questions left in place."""

from pathlib import Path

from grader.catalogue import alternative

TEMPLATES = Path(__file__).parents[2] / "curriculum" / "day07_week1_review" / "templates"
UNIT, NOTES, REVIEW = "day07_week1_review", "cs224n_notes.md", "week1_review.md"


def filled_in(template, answers):
    """The template as it is made, with one answer after another in place of its TODO lines."""
    first, *parts = (TEMPLATES / template).read_text(encoding="utf-8").split("TODO: your answer")
    return first + "".join(answer + part for answer, part in zip(answers, parts, strict=True))


@alternative(UNIT, NOTES)
def notes_in_chinese(text):
    return filled_in(
        NOTES,
        [
            "LSTM 把前面读到的东西一步一步往后传，传到第二十个词时，信息已经被同一个向量压了二十遍。"
            "注意力直接去看那个位置，距离多远都只要一步，而且所有位置可以同时算，一次矩阵乘法就够，"
            "GPU 最喜欢这种活。ELMo 也有上下文向量，"
            "可它的两个方向是分开训练的。",
            "积木是同一种，差别在掩码。GPT 的每个位置只能看左边，每个位置都要猜下一个词，"
            "所以一段文字里处处都有学习信号。BERT 两边都能看，于是必须先盖住一些词，大约百分之十五，只在这些地方学习。"
            "GPT 写作时手里的东西和训练时一样，都是前文；BERT 写作时却需要还不存在的后文。",
            "选出百分之十五的词，其中八成换成遮盖符号，一成换成随便一个词，一成保持原样，因为真正使用时没有遮盖符号，"
            "模型不能只盯着它。第二个任务是判断两句话是否相连，后来的 RoBERTa 去掉它也没有变差。"
            "做分类时在开头那个向量上加一层线性层，然后所有权重一起用小学习率再训练两三遍。",
            "第二天的 self_attention.py 里我把因果掩码写死在前向函数里，现在看来掩码是任务的决定，应该从外面传进来，"
            "这样同一个类也能当 BERT 用。明天就改。",
            "以前每个任务都要从头学一次语言，数据又少。Transformer 不用一个词一个词地读，所以能在所有文字上训练，"
            "学到的东西再搬到别的任务去。读的模型和写的模型，差别只在能看哪里。",
        ],
    )


@alternative(UNIT, NOTES)
def notes_as_lists_under_other_headings(text):
    text = text.replace("\n## ", "\n### ").replace("BERT and GPT, side by side", "*BERT and GPT: side by side*")
    body, end = text.split("### In three sentences")
    return body + "### In three sentences" + end.replace(". ", ".\n- ").replace("\n\nBefore", "\n\n- Before")


@alternative(UNIT, REVIEW)
def review_in_chinese(text):
    return filled_in(
        REVIEW,
        [
            "最意外的是第三天：我以为自己卡在分词器上，其实解码块跑了十次才通过，说明我没有读提示就改。",
            "注意力可以从空白页写起，掩码和缩放都不会忘；数据集的错位目标我闭着眼睛也能写；训练步骤里任意两行交换会坏在哪里，"
            "我都能说出来。上周五给同事讲了一遍，他听懂了，这就是证据。",
            "dropout 放在哪里我还说不清，检查是通过了，可那是照着文档写的。掩码被指出过五次，两次写反，三次忘写，"
            "现在我先画图再动手。分布式那一天的屏障我其实没懂，只是顺序抄对了。",
            "上午效率最高，晚上九点以后几乎没有一次通过。周三在环境上浪费了两个小时。要保留的习惯是写一个函数就检查一次，"
            "要改掉的是没想明白就再试。",
            "第一，周一上午九点到十点重写解码块，写不完就往下走。第二，周二把超参数搜索的表补上。第三，第九天留两个上午，"
            "因为多进程我最没把握。周四晚上有事，那天就不做可视化。",
        ],
    )


@alternative(UNIT, REVIEW)
def review_with_figures_moved_and_lists_kept(text):
    """The learner has put the figures at the end, and numbered the headings' answers."""
    before, rest = text.split("<!-- figures: week 1 -->")
    figures, after = rest.split("<!-- end of figures -->")
    return f"{before}{after}\n\n## Figures\n\n<!-- figures: week 1 -->{figures}<!-- end of figures -->\n"


@alternative(UNIT, REVIEW)
def review_without_any_figures(text):
    """Somebody who deleted the figures, and the marks with them."""
    before, rest = text.split("<!-- figures: week 1 -->")
    return before + rest.split("<!-- end of figures -->")[1]
