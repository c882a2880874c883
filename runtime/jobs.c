// See jobs.h.
#include "runtime/jobs.h"

#include "vm/exec/aside.h"
#include "vm/exec/native.h"

void job_answer(Vm *vm, Value pid, Value ref, Value answer)
{
    Sig *s;

    // The actor waits for this: without memory for the answer there is nothing else to do.
    while (!(s = sig_plain(vm, NULL, SIG_REPLY, answer, pid, ref))) {
        _Atomic uint32_t nobody_wakes = 0;
        plat_wait(&nobody_wakes, 0, plat_now_ns() + 1000000);
    }
    unsigned guest = sched_guest_enter(&vm->sched);
    sig_send(vm, NULL, pid, s);
    sched_guest_leave(&vm->sched, guest);
}

static void run_job(Job *base)
{
    ActorJob *job = container_of(base, ActorJob, job);

    job_answer(job->vm, job->pid, job->ref, job->run(job));
    job->free(job);
}

void job_detach(Vm *vm, Job *job)
{
    DirtyPool *pool = vm_dirty_pool(vm);

    if (!pool || !dirty_submit(pool, job)) job->run(job);
}

Value job_start(Actor *a, ActorJob *job)
{
    Vm *vm = actor_vm(a);
    DirtyPool *pool = vm_dirty_pool(vm);

    job->job.run = run_job;
    job->vm = vm;
    job->pid = actor_pid(a);
    job->ref = reply_await(a);
    Value ref = job->ref; // the job may be gone as soon as it has been submitted
    if (!value_is(ref, V_FAIL) && pool && dirty_submit(pool, &job->job)) return ref;
    job->free(job);
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "no thread can be started for blocking work");
}
