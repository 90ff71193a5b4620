"""Letters that answer each other in all the ways that SORT and THREAD have to tell apart (RFC 5256)."""

FIELDS = ("Subject", "From", "To", "Cc", "Date", "Message-ID", "References", "In-Reply-To")


def conversation(subject="", sender="a <a@x.test>", to="b@x.test", cc="", date="", id="", references="", answers=""):
    values = (subject, sender, to, cc, date, id, references, answers)
    header = "".join(f"{name}: {value}\r\n" for name, value in zip(FIELDS, values) if value)
    return (header + "\r\nbody" + " more" * (len(subject) * 7 % 11) + "\r\n").encode()


def day(number, hour=12, zone="+0000"):
    return f"{number} Nov 2026 {hour:02}:00:00 {zone}"


CONVERSATIONS = [
    # a thread with all its letters, told out of order
    conversation("Re: boats", date=day(3), id="<2@x>", references="<1@x>"),
    conversation("boats", date=day(2), id="<1@x>"),
    conversation("Re: Re: boats", date=day(4), id="<3@x>", references="<1@x> <2@x>"),
    conversation("sails", date=day(5), id="<4@x>", references="<1@x> <2@x>"),
    conversation("Re: sails", date=day(6), id="<5@x>", answers="your letter of <4@x>"),
    # letters whose beginning is not here
    conversation("Re: harbour", date=day(7), id="<12@x>", references="<10@x> <11@x>"),
    conversation("Re: harbour", date=day(8), id="<13@x>", references="<10@x>"),
    conversation("alone", date=day(9), id="<15@x>", references="<14@x>"),
    # the same subject, and nothing else
    conversation("[list] Lighthouse", date=day(10), id="<20@x>"),
    conversation("RE: [list] Re[2]:  lighthouse (fwd)", date=day(9, 13), id="<21@x>"),
    conversation("[list] [other] lighthouse", date=day(8, 13), id="<22@x>"),
    conversation("[Fwd: lighthouse]", date=day(12), id="<23@x>"),
    conversation("Fw: lighthouse", date=day(13), id="<24@x>"),
    # the same id twice, none, a loop, its own
    conversation("copy", date=day(14), id="<30@x>"),
    conversation("copy of it", date=day(15), id="<30@x>"),
    conversation("answer to a copy", date=day(16), id="<31@x>", references="<30@x>"),
    conversation("no id", date=day(17), references="<30@x>"),
    conversation("loop one", date=day(18), id="<40@x>", references="<41@x>"),
    conversation("loop two", date=day(19), id="<41@x>", references="<40@x>"),
    conversation("myself", date=day(20), id="<42@x>", references="<42@x>"),
    # without subject, without date, other zones, other names
    conversation("", date=day(21), id="<50@x>"),
    conversation("", date=day(22), id="<51@x>"),
    conversation("Re:", date=day(1), id="<52@x>"),
    conversation("undated", id="<53@x>"),
    conversation("zone", date=day(5, 1, "+0500"), id="<54@x>"),
    conversation("zone", date=day(4, 22, "-0000"), id="<55@x>", sender='"Zoe" <zoe@x.test>', to="Zed <zed@x.test>"),
    conversation("aa", date=day(4), id="<56@x>", sender="B@x.test", to="C@x.test", cc="x@x.test, a@x.test"),
    conversation("AB", date=day(4), id="<57@x>", sender="_x@x.test", to="undisclosed-recipients:;", cc="Y@x.test"),
    conversation("Ab", date=day(4), id="<58@x>", sender="b@x.test", to="friends: c@x.test, d@x.test;", cc="z@x.test"),
    conversation("=?utf-8?q?=C3=84pfel?=", date=day(6), id="<59@x>", sender="=?utf-8?q?=C3=84nne?= <y@x.test>"),
    conversation("=?utf-8?q?Re=3A_=C3=A4pfel?=", date=day(7), id="<60@x>", to=""),
    conversation("apfel", date=day(8), id="<61@x>", sender="(nobody) c@x.test"),
    conversation("Re: [a] [b] Re : deep [c]: x", date=day(8), id="<62@x>"),
    conversation("[only a blob]", date=day(8), id="<63@x>"),
    conversation("rebus", date=day(8), id="<64@x>"),
    conversation("Re[x]: fwd : [y] rebus  (FWD)  (fwd)", date=day(9), id="<65@x>"),
    # ids that are none, quoted ids
    conversation("bad references", date=day(23), id="<70@x>", references="nothing <> <x> <70@y>", answers="<1@x>"),
    conversation("quoted id", date=day(24), id='<"71"@x>'),
    conversation("answer to the quoted id", date=day(25), id="<72@x>", references="<71@x>"),
    # a chain that another one cuts
    conversation("chain a", date=day(26), id="<82@x>", references="<80@x> <81@x>"),
    conversation("chain b", date=day(27), id="<81@x>", references="<83@x>"),
    conversation("chain c", date=day(28), id="<84@x>", references="<82@x> <80@x>"),
]
