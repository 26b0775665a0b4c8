/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Acknowledged delivery of one stream: a producer P (common/outbox), a batcher B, a
 * shipper S (common/intake and its store), and what may happen to them. tapline(7) has the rules,
 * docs/design.md how they are met; ./run checks this model.
 *
 * What is proved of the configuration that the macros below describe:
 *  - `safe` never becomes false: whenever P takes it over, and whenever P says `base`, each number
 *    below is durable at S or durably declared lost.
 *  - Nothing is lost without a word: at the end, durable and declared are all numbers. What is
 *    declared was dropped by P and counted there; what was delivered is never declared lost as long
 *    as S has not lost what it knew of the stream (then what was delivered, dropped and never
 *    acknowledged may be declared too; who reads has the events).
 *  - No stall: every execution ends with all of it safe at P. There is no other end state (pan's
 *    invalid end states), and no cycle (pan -l, nothing being labelled progress). Failures are
 *    counted and can cease at any time ("no more trouble"), so this says: from each reachable state, if
 *    failures cease, the run ends. No fairness is assumed.
 *  - With PROMPT, failures of one kind are got over without waiting for the timer.
 *
 * What is left out, and why nothing is lost by it:
 *  - A run is one number and the end of the stream one more, the last. Runs of several numbers
 *    come about by JOIN; what S then cuts off is a part of such a run. S makes durable number by number,
 *    which is more ways than run by run.
 *  - One stream. Streams share hops, and hops lose whole connections, so other streams only delay.
 *  - One consumer. The minimum over several outputs is not in this model.
 *  - hop1 is what is on its way to B and what B holds, hop2 what is on its way to S. When B dies,
 *    hop1 loses all but, perhaps, the batch P's socket has not put on the wire; hop2 loses the end of
 *    what B sent (any number: the kernel hands S what had arrived). When S dies, hop2 loses all but,
 *    perhaps, what B's socket still has. A cut loses a connection and nobody dies. P learns of
 *    it at any later time.
 *  - Acks: a place for one on each hop, in order; one that finds no room is told later, with what is true
 *    then. S tells when something changed or a batch came. Telling each 100 ms changes nothing
 *    when nothing was lost, so it appears only there: what was lost is told again, or not (B was gone for
 *    longer than S repeats). LATE_ACKS is one ack that comes again at any time, out of order.
 *  - The timer of 30 s is longer than all else: it fires when nothing else can happen (QUIET),
 *    and EARLY_TIMERS times whenever it likes. That P heeds a refusal at most once per position
 *    in 100 ms is a choice to ignore one that says nothing new.
 *  - A batch that P is sending cannot be dropped; here one that was just sent can: more ways.
 *  - S's store gives out everything it made durable, at some time; so what it still knows when it
 *    starts is the last thing it made durable, or nothing. A store in memory always knows nothing then;
 *    "durable" is then the sink's answer.
 *  - P's death ends the stream; a reader sees that `end` is missing. --no-acks has no rules to check.
 *  - Quotas, bad files and full disks of S: counted there, unit tests.
 *
 * A macro that breaks a rule, and has to be found out by ./run:
 *  TIMER_GOT           the timer asks what has arrived, not what is safe
 *  NO_TIMER            there is none
 *  REFUSE_AT_GOT       B, when it loses S, tells P to go back to what S had got, not to what was safe,
 *                      and only where it has heard an ack: ends well too, but waits for the timer
 *  NO_HELLO            P believes that acks exist only when one of its own stream has come
 *  BASE_OF_HELD        base is `after` of the lowest run held, acknowledged or not
 *  RELEASED_UNDECLARED what was let go without an ack is not declared when it turns out to be missing
 *  DROPPED_UNDECLARED  what a full window drops is not declared
 *  FREE_BELOW_GOT      P lets go what has arrived
 *  SAFE_ON_ARRIVAL     S says safe before it is durable
 *  TAKE_GAPS           S takes what follows a gap
 *  BASE_IS_LOSS        S believes that what lies below base, and it has not seen, is lost
 *  AFTER_AS_SENT       S keeps what P declares even where it has the events
 *  FOUND_NOT_SAFE      S starts with what it has: as arrived, but not as safe
 */
#ifndef N
#define N 2 /* runs: numbers 0 to N-1; the end is number N; at most 6 */
#endif
#ifndef W
#define W 2 /* runs the window holds */
#endif
#ifndef HOP1
#define HOP1 2 /* messages */
#endif
#ifndef HOP2
#define HOP2 1
#endif
#ifndef LIVE
#define LIVE 0 /* full: 1 = drops, 0 = waits */
#endif
#ifndef HEARD
#define HEARD 0 /* 1 = P knows from the start that S tells */
#endif
#ifndef JOIN
#define JOIN 0 /* B may join runs */
#endif
/* how often at most */
#ifndef B_DEATHS
#define B_DEATHS 0
#endif
#ifndef S_DEATHS
#define S_DEATHS 0
#endif
#ifndef CUTS
#define CUTS 0
#endif
#ifndef LOST_ACKS
#define LOST_ACKS 0
#endif
#ifndef LATE_ACKS
#define LATE_ACKS 0 /* 0 or 1 */
#endif
#ifndef EARLY_TIMERS
#define EARLY_TIMERS 0
#endif
#ifndef PROMPT
#define PROMPT 0 /* 1 = without the timer: acks that were lost are told again, and refusals heeded */
#endif
#ifndef FORGETS
#define FORGETS 0 /* S forgets a stream it has not seen for long */
#endif

#define BIT(n)	 (1 << (n))
#define BELOW(n) (BIT(n) - 1)
#define END	 (N + 1)
#define COUNT(m) (((m)&1) + (((m) >> 1) & 1) + (((m) >> 2) & 1) + (((m) >> 3) & 1) + \
		  (((m) >> 4) & 1) + (((m) >> 5) & 1) + (((m) >> 6) & 1))

/* Within a step only: never live where a choice is made, since pan does not restore them. */
hidden byte k, set, from, first, next, after, base, first2, next2, after2, base2;
hidden byte said_safe, said_got, said_instance, said_refused;

/* --- P. Sets of numbers are masks. */
byte made;     /* numbers used up */
byte held;
byte dropped;  /* by a full window: counted, declared */
byte released; /* let go when sent, while no ack had ever come, and not known to be safe */
byte to_send;  /* the next number to send, unless it is not held */
byte safe, got, instance; /* heard */
bit heard = HEARD, pipe_lost;

/* --- hops: first, next, after, base */
chan hop1 = [HOP1] of { byte, byte, byte, byte };
chan hop2 = [HOP2] of { byte, byte, byte, byte };
/* S to B, B to P: safe, got, instance, refused */
chan ack2 = [1] of { byte, byte, byte, bit };
chan ack1 = [1] of { byte, byte, byte, bit };

/* --- B: the last ack; refuses when it lost S, also where nothing was under way */
bit b_refuses;
byte b_safe, b_instance;
#ifdef REFUSE_AT_GOT
bit b_knows;
byte b_got;
#define REFUSED_AT b_got
#define MAY_REFUSE b_knows
#else
#define REFUSED_AT b_safe
#define MAY_REFUSE 1
#endif

/* --- S */
bit s_known, s_changed, s_refusing;
byte s_got, s_safe, s_instance = 1, s_undeclared;
byte s_spooled;		    /* what the last durable run was followed by */
byte arrived, arrived_lost; /* and not durable: events, declared losses */

/* --- what is true whoever dies */
byte durable, durable_lost;
bit forgotten; /* S has lost what it knew */

/* --- what may still happen */
byte b_deaths = B_DEATHS, s_deaths = S_DEATHS, cuts = CUTS, lost_acks = LOST_ACKS;
byte early = EARLY_TIMERS, forgets = FORGETS;
#if LATE_ACKS
bit late = 1, late_kept;
byte late_safe, late_got, late_instance;
#define LATE late
#else
#define LATE 0
#endif
byte keep; /* 0 outside of a step */

#define UNSENT	 (held >> to_send)
#define SENT	 (held & BELOW(to_send))
#define LOST(n)	 (BELOW(n) & ~(durable | durable_lost)) /* below n, and nobody says so */
#define HAS_ROOM (COUNT(held) < W || LIVE || (!heard && SENT != 0))
#define QUIET                                                                                  \
	(UNSENT == 0 && !pipe_lost && empty(hop1) && empty(hop2) && empty(ack1) && empty(ack2) && \
	 !b_refuses && !s_changed && arrived == 0)

#ifdef TIMER_GOT
#define TIMER_TO got
#else
#define TIMER_TO safe
#endif
#if defined(NO_TIMER) || PROMPT
#define TIMER_DUE false
#else
#define TIMER_DUE (heard && SENT != 0 && TIMER_TO < to_send)
#endif

inline lowest() /* of `set`, which is not empty */
{
	k = 0;
	do
	:: set & BIT(k) -> break
	:: else -> k++
	od
}

/* --- P -------------------------------------------------------------------- */

inline go_back(to)
{
	printf("P goes back to %d\n", to);
	to_send = to;
#ifndef RELEASED_UNDECLARED
	dropped = dropped | (released & ~BELOW(to));
	released = released & BELOW(to);
#endif
}

inline make_room()
{
	if
	:: COUNT(held) < W
	:: else ->
		if
		:: !heard && SENT != 0 -> set = SENT
		:: else ->
			if
			:: UNSENT != 0 -> set = held & ~BELOW(to_send)
			:: else -> set = held
			fi
		fi;
		lowest();
		held = held & ~BIT(k);
		if
		:: !heard && k < to_send -> released = released | BIT(k); printf("P lets %d go\n", k)
		:: else -> dropped = dropped | BIT(k); printf("P drops %d\n", k)
		fi
	fi
}

inline produce()
{
	make_room();
	printf("P has %d\n", made);
	held = held | BIT(made);
	made++
}

/* What was dropped right before number k is declared by it. */
inline after_of_k()
{
	after = k;
#ifndef DROPPED_UNDECLARED
	do
	:: after > 0 && (dropped & BIT(after - 1)) -> after--
	:: else -> break
	od
#endif
}

inline send()
{
#ifdef BASE_OF_HELD
	set = held;
	lowest();
	after_of_k();
	base = after;
#else
	base = safe;
#endif
	set = held & ~BELOW(to_send);
	lowest();
	after_of_k();
	if
	:: after < base -> after = base
	:: else
	fi;
	printf("P sends %d after %d base %d\n", k, after, base);
	assert(LOST(base) == 0);
	hop1!k, k + 1, after, base;
	to_send = k + 1
}

inline free()
{
	if
	:: said_safe > safe ->
		assert(LOST(said_safe) == 0);
		safe = said_safe;
		held = held & ~BELOW(safe);
		released = released & ~BELOW(safe)
	:: else
	fi;
#ifdef FREE_BELOW_GOT
	held = held & ~BELOW(said_got)
#endif
}

/* `heeds`: a refusal that says nothing new may be ignored. */
inline hear(heeds)
{
	ack1?said_safe, said_got, said_instance, said_refused;
	printf("P hears safe %d got %d of %d%c\n", said_safe, said_got, said_instance,
	       (said_refused -> '!' : '.'));
	heard = 1;
	free();
	if
	:: (instance != 0 && said_instance != 0 && said_instance != instance) ||
	   (said_refused && (heeds || said_got != got)) ->
		got = said_got;
		go_back(got)
	:: else ->
		if
		:: said_got > got -> got = said_got
		:: else
		fi
	fi;
	if
	:: said_instance != 0 -> instance = said_instance
	:: else
	fi
}

/* --- B -------------------------------------------------------------------- */

inline forward()
{
	hop1?first, next, after, base;
	hop2!first, next, after, base
}

/* The first two, where they may be joined. */
inline join()
{
	hop1?first, next, after, base;
	hop1?first2, next2, after2, base2;
	if
	:: after2 == first2 && next == first2 ->
		printf("B joins %d and %d\n", first, first2);
		hop2!first, next2, after, base
	:: else ->
		hop2!first, next, after, base;
		k = len(hop1);
		hop1!first2, next2, after2, base2;
		do
		:: k > 0 ->
			k--;
			hop1?first, next, after, base;
			hop1!first, next, after, base
		:: k == 0 -> break
		od
	fi
}

inline pass_on()
{
	ack2?said_safe, said_got, said_instance, said_refused;
	b_safe = said_safe;
	b_instance = said_instance;
#ifdef REFUSE_AT_GOT
	b_knows = 1;
	b_got = said_got;
#endif
	ack1!said_safe, said_got, said_instance, said_refused
}

inline refuse()
{
	b_refuses = 0;
	printf("B refuses at %d\n", REFUSED_AT);
	ack1!b_safe, REFUSED_AT, b_instance, 1
}

/* --- S -------------------------------------------------------------------- */

inline believe_base()
{
	if
	:: !s_known ->
		s_known = 1;
		s_got = base;
		s_safe = base
	:: else ->
		if
		:: base > s_got ->
#ifdef BASE_IS_LOSS
			s_undeclared = s_undeclared + base - s_got;
#endif
			s_got = base
		:: else
		fi;
		if
		:: base > s_safe -> s_safe = base
		:: else
		fi
	fi
}

inline take()
{
	if
	:: first < s_got -> from = s_got; after = from
	:: else -> from = first
	fi;
#ifndef AFTER_AS_SENT
	if
	:: after < s_got -> after = s_got
	:: else
	fi;
#endif
	if
	:: s_undeclared > 0 -> after = s_got - s_undeclared
	:: else
	fi;
	arrived_lost = arrived_lost | (BELOW(from) & ~BELOW(after));
	arrived = arrived | (BELOW(next) & ~BELOW(from));
	s_got = next;
	s_undeclared = 0;
	s_refusing = 0
#ifdef SAFE_ON_ARRIVAL
	;
	s_safe = next
#endif
}

#ifdef TAKE_GAPS
#define IS_GAP false
#else
#define IS_GAP (after > s_got)
#endif

inline arrive()
{
	hop2?first, next, after, base;
	believe_base();
	s_changed = 1;
	if
	:: IS_GAP -> s_refusing = 1; printf("S refuses %d, has got %d\n", first, s_got)
	:: else ->
		if
		:: next <= s_got -> printf("S has %d already\n", first)
		:: else -> printf("S takes %d to %d\n", first, next - 1); take()
		fi
	fi
}

/* One number more is durable. */
inline commit()
{
	set = arrived;
	lowest();
	printf("S has %d durable\n", k);
	durable = durable | BIT(k);
	arrived = arrived & ~BIT(k);
	durable_lost = durable_lost | (arrived_lost & BELOW(k));
	arrived_lost = arrived_lost & ~BELOW(k);
	s_spooled = k + 1;
	if
	:: s_known && s_safe < k + 1 -> s_safe = k + 1; s_changed = 1
	:: else
	fi;
	assert((durable_lost & ~dropped) == 0);
	assert(forgotten || (durable_lost & durable) == 0)
}

inline tell()
{
	printf("S tells safe %d got %d of %d%c\n", s_safe, s_got, s_instance, (s_refusing -> '!' : '.'));
	assert(s_safe <= s_got);
	ack2!s_safe, s_got, s_instance, s_refusing;
	s_changed = 0;
	s_refusing = 0
}

/* --- trouble -------------------------------------------------------------- */

inline keep_last(hop) /* or nothing */
{
	if
	:: true ->
		do
		:: nempty(hop) -> hop?_, _, _, _
		:: empty(hop) -> break
		od
	:: len(hop) > 0 ->
		do
		:: len(hop) > 1 -> hop?_, _, _, _
		:: len(hop) == 1 -> break
		od
	fi
}

inline keep_first(hop) /* any number of them */
{
	do
	:: keep < len(hop) -> keep++
	:: break
	od;
	true; /* no jump into the step */
	d_step {
		k = len(hop);
		do
		:: k > 0 ->
			k--;
			hop?first, next, after, base;
			if
			:: keep > 0 -> keep--; hop!first, next, after, base
			:: keep == 0
			fi
		:: k == 0 -> break
		od
	}
}

inline lose_ack(ack)
{
	if
	:: nempty(ack) -> ack?_, _, _, _
	:: empty(ack)
	fi
}

inline maybe_tell_again()
{
	if
	:: s_known -> s_changed = 1
	:: !PROMPT || !s_known
	fi
}

inline batcher_dies()
{
	printf("B dies\n");
	keep_last(hop1);
	keep_first(hop2);
	lose_ack(ack2);
	if
	:: lose_ack(ack1)
	:: true
	fi;
	b_refuses = 0;
	b_safe = 0;
	b_instance = 0;
#ifdef REFUSE_AT_GOT
	b_knows = 0;
	b_got = 0;
#endif
	pipe_lost = 1;
	maybe_tell_again()
}

inline forget_stream(found)
{
	s_got = found;
	s_safe = found;
	s_known = (found > 0);
	s_changed = s_known;
	s_undeclared = 0;
	s_refusing = 0
}

inline shipper_dies()
{
	keep_last(hop2);
	if
	:: lose_ack(ack2)
	:: true
	fi;
	arrived = 0;
	arrived_lost = 0;
	s_instance++;
	if
	:: s_spooled > 0
	:: s_spooled = 0; forgotten = 1
	fi;
	printf("S dies, and finds %d\n", s_spooled);
	forget_stream(s_spooled);
#ifdef FOUND_NOT_SAFE
	s_safe = 0;
#endif
	b_refuses = MAY_REFUSE
}

active proctype chain()
{
	do
	/* P */
	:: d_step { made < END && HAS_ROOM -> produce() }
	:: d_step { UNSENT != 0 && nfull(hop1) -> send() }
	:: d_step { nempty(ack1) -> hear(true) }
#if !PROMPT
	:: d_step { nempty(ack1) -> hear(false) }
#endif
	:: d_step { pipe_lost && heard -> pipe_lost = 0; go_back(got) }
	:: d_step { pipe_lost && !heard -> pipe_lost = 0 }
	:: d_step { TIMER_DUE && QUIET -> go_back(TIMER_TO) }
	:: d_step { TIMER_DUE && early > 0 -> early--; go_back(TIMER_TO) }
#ifndef NO_HELLO
	:: d_step { !heard -> heard = 1; printf("P knows that S tells\n") }
#endif
	/* B */
	:: d_step { nempty(hop1) && nfull(hop2) -> forward() }
#if JOIN
	:: d_step { len(hop1) > 1 && nfull(hop2) -> join() }
#endif
	:: d_step { nempty(ack2) && empty(ack1) -> pass_on() }
	:: d_step { b_refuses && empty(ack1) -> refuse() }
	/* S */
	:: d_step { nempty(hop2) -> arrive() }
	:: d_step { arrived != 0 -> commit() }
	:: d_step { s_changed && empty(ack2) -> tell() }
	/* trouble */
	:: atomic { b_deaths > 0 -> b_deaths--; batcher_dies() }
	:: atomic { s_deaths > 0 -> s_deaths--; shipper_dies() }
	:: atomic { cuts > 0 -> cuts--; printf("hop 1 cut\n"); keep_first(hop1); pipe_lost = 1 }
	:: atomic { cuts > 0 -> cuts--; printf("hop 2 cut\n"); keep_last(hop2); b_refuses = MAY_REFUSE }
	:: atomic { lost_acks > 0 && nempty(ack1) ->
		lost_acks--; printf("ack to P lost\n"); lose_ack(ack1); maybe_tell_again()
	   }
	:: atomic { lost_acks > 0 && nempty(ack2) ->
		lost_acks--; printf("ack to B lost\n"); lose_ack(ack2); maybe_tell_again()
	   }
	:: d_step { forgets > 0 && s_known && arrived == 0 ->
		forgets--; forgotten = 1; printf("S forgets the stream\n"); forget_stream(0)
	   }
#if LATE_ACKS
	:: d_step { late && !late_kept && s_known ->
		late_kept = 1; late_safe = s_safe; late_got = s_got; late_instance = s_instance
	   }
	:: d_step { late_kept && empty(ack1) ->
		late = 0; late_kept = 0; printf("late ack\n"); ack1!late_safe, late_got, late_instance, 0;
		late_safe = 0; late_got = 0; late_instance = 0
	   }
#endif
	:: d_step { b_deaths + s_deaths + cuts + lost_acks + early + forgets + LATE > 0 ->
		printf("no more trouble\n");
		b_deaths = 0; s_deaths = 0; cuts = 0; lost_acks = 0; early = 0; forgets = 0;
#if LATE_ACKS
		late = 0; late_kept = 0; late_safe = 0; late_got = 0; late_instance = 0;
#endif
	   }
	:: made == END && held == 0 && QUIET -> break
	od;
	assert(LOST(END) == 0);
	assert((BELOW(END) & ~durable & ~dropped) == 0)
}
