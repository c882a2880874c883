// Active sockets: the part of the reader, and how its owner begins and ends it. See nng_socket.h.
//
// While a socket is active only its reader receives. The owner becomes the one to receive again when the
// reader's activation is over: by itself, or because the owner asked (`stopping`) and the reader's handle was
// dropped. A message that nng has handed out is never lost by that: the reader passes it on first.
//
// A socket that replies (rep, respondent) sends its next message to whom it has received from last; so its
// reader waits for the reply before it receives more.
#include "runtime/net/nng_priv.h"
#include "runtime/jobs.h"

Block *net_activate(NetSocket *s, int *error)
{
    Active *x = &s->active;

    *error = 0;
    plat_lock(&s->lock);
    bool was = x->on;
    uint64_t number = ++x->number;
    if (was) {
        x->number--;
    } else {
        x->on = true;
        x->stopping = x->unanswered = x->reader_waits = x->stopper_waits = false;
        x->left = x->limit;
    }
    plat_unlock(&s->lock);
    if (was) return NULL;
    net_retain(s);
    Block *b = net_new_block(s, number, error);
    if (!b) net_active_ended(s, number);
    return b;
}

bool net_is_active(NetSocket *s)
{
    plat_lock(&s->lock);
    bool on = s->active.on;
    plat_unlock(&s->lock);
    return on;
}

bool net_is_stopping(NetSocket *s)
{
    plat_lock(&s->lock);
    bool stopping = s->active.stopping;
    plat_unlock(&s->lock);
    return stopping;
}

void net_set_active(NetSocket *s, int64_t limit)
{
    plat_lock(&s->lock);
    s->active.limit = s->active.left = limit;
    plat_unlock(&s->lock);
}

int64_t net_active_left(NetSocket *s)
{
    plat_lock(&s->lock);
    int64_t left = s->active.on ? s->active.left : 0;
    plat_unlock(&s->lock);
    return left;
}

// Under the lock: the reader, if it waits for the reply, is to be told.
static bool release_reader(Active *x, Value *pid, Value *ref)
{
    bool waits = x->reader_waits;

    x->reader_waits = false;
    *pid = x->reader_pid;
    *ref = x->reader_ref;
    return waits;
}

bool net_passivate(NetSocket *s, Value pid, Value ref)
{
    Active *x = &s->active;
    Value reader_pid, reader_ref;

    plat_lock(&s->lock);
    bool on = x->on, tell = on && release_reader(x, &reader_pid, &reader_ref);
    bool runs = on && s->recv.state == OPERATION_RUNS;
    if (on) {
        x->stopping = x->stopper_waits = true;
        x->stopper_pid = pid;
        x->stopper_ref = ref;
    }
    plat_unlock(&s->lock);
    if (runs) nng_aio_cancel(s->recv.aio);
    if (tell) job_answer(s->net->vm, reader_pid, reader_ref, V_TRUE);
    return on;
}

void net_active_ended(NetSocket *s, uint64_t number)
{
    Active *x = &s->active;

    plat_lock(&s->lock);
    bool mine = x->number == number, tell = mine && x->stopper_waits;
    Value pid = x->stopper_pid, ref = x->stopper_ref;
    if (mine) {
        if (x->on) s->recv.waiting = false; // it was killed: what it waited for is kept
        x->on = x->stopping = x->stopper_waits = x->reader_waits = false;
    }
    plat_unlock(&s->lock);
    if (tell) job_answer(s->net->vm, pid, ref, V_TRUE);
}

void net_active_answered(NetSocket *s)
{
    Value pid, ref;

    if (!net_replies(s)) return;
    plat_lock(&s->lock);
    s->active.unanswered = false;
    bool tell = release_reader(&s->active, &pid, &ref);
    plat_unlock(&s->lock);
    if (tell) job_answer(s->net->vm, pid, ref, V_TRUE);
}

// ---- the reader -----------------------------------------------------------------------------------

// Under the lock: what came of the operation that ran.
static int take_result(NetSocket *s, nng_msg **m)
{
    Operation *o = &s->recv;
    bool inherited = o->inherited;

    *m = o->message;
    o->message = NULL;
    o->state = OPERATION_IDLE;
    o->inherited = false;
    if (o->result == NNG_ECANCELED || (o->result == NNG_ETIMEDOUT && inherited)) return NET_AGAIN;
    return o->result;
}

// Under the lock: what decides without receiving; 0: nothing does.
static int verdict(const Active *x)
{
    if (x->stopping) return NET_STOPPED;
    if (x->left == 0) return NET_PASSIVE;
    return x->unanswered ? NET_AGAIN : 0;
}

// Something was received, or it is the end.
static int conclude(NetSocket *s, int result)
{
    Active *x = &s->active;

    plat_lock(&s->lock);
    if (result == 0) {
        if (x->left > 0) x->left--;
        x->unanswered = net_replies(s);
    } else if (result != NET_AGAIN && result != NET_STOPPED) {
        x->on = x->stopping;
    }
    plat_unlock(&s->lock);
    return result;
}

int net_read_now(NetSocket *s, nng_msg **m)
{
    nng_aio *aio = s->recv.now;

    plat_lock(&s->lock);
    OperationState state = s->recv.state;
    int result = state == OPERATION_DONE ? take_result(s, m) : NET_AGAIN;
    if (state != OPERATION_RUNS && result == NET_AGAIN) {
        result = verdict(&s->active);
        state = result == 0 ? OPERATION_IDLE : OPERATION_DONE;
    }
    plat_unlock(&s->lock);
    if (state != OPERATION_IDLE) return conclude(s, result);
    net_submit_recv(s, aio);
    nng_aio_wait(aio);
    result = nng_aio_result(aio);
    if (result == 0) *m = nng_aio_get_msg(aio);
    if (result == NNG_ETIMEDOUT || result == NNG_EAGAIN) result = NET_AGAIN;
    return conclude(s, result);
}

bool net_read_await(NetSocket *s, Value pid, Value ref)
{
    Operation *o = &s->recv;
    Active *x = &s->active;

    plat_lock(&s->lock);
    OperationState state = o->state;
    bool waits = state == OPERATION_RUNS, starts = false;
    if (state == OPERATION_IDLE && !x->stopping && x->left != 0) {
        waits = true;
        if (x->unanswered) {
            x->reader_waits = true;
            x->reader_pid = pid;
            x->reader_ref = ref;
        } else {
            starts = true;
        }
    }
    if (state == OPERATION_RUNS || starts) {
        net_await(o, pid, ref);
        o->inherited = state == OPERATION_RUNS;
        o->state = OPERATION_RUNS;
    }
    plat_unlock(&s->lock);
    if (!starts) return waits;
    nng_aio_set_timeout(o->aio, NNG_DURATION_INFINITE);
    net_submit_recv(s, o->aio);
    plat_lock(&s->lock);
    bool stopping = x->stopping; // asked for before there was something to cancel
    plat_unlock(&s->lock);
    if (stopping) nng_aio_cancel(o->aio);
    return true;
}
