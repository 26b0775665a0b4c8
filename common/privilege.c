/* SPDX-License-Identifier: BSD-2-Clause */
#include "privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/*
 * A list of what is refused, not of what is allowed: the tools run libraries
 * (nng, libcurl, glibc) whose next version may use another harmless call, and
 * a stopped capture is worse than a call too many.
 */
static const char *const refused[] = {
	/* starting and looking into processes */
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"kcmp",
	"pidfd_getfd",
	"pidfd_open",
	/* becoming somebody else */
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setgroups",
	"setfsuid",
	"setfsgid",
	"capset",
	/* the file system and namespaces */
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"unshare",
	"setns",
	"open_by_handle_at",
	"name_to_handle_at",
	"fsopen",
	"fsmount",
	"fsconfig",
	"fspick",
	"move_mount",
	"open_tree",
	"mount_setattr",
	"mknod",
	"mknodat",
	"swapon",
	"swapoff",
	"quotactl",
	"fanotify_init",
	/* the kernel */
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"iopl",
	"ioperm",
	"syslog",
	"acct",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"modify_ldt",
	"vhangup",
	"lookup_dcookie",
	"personality",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"clock_adjtime",
	"sethostname",
	"setdomainname",
	"add_key",
	"request_key",
	"keyctl",
	"bpf",
};

static bool is_kept(const char *name, unsigned int flags)
{
	if (strcmp(name, "bpf") == 0) {
		return (flags & TL_PRIVILEGE_KEEP_BPF) != 0;
	}
#ifdef __SANITIZE_ADDRESS__
	/* LeakSanitizer stops the threads by ptrace at exit. */
	if (strcmp(name, "ptrace") == 0) {
		return true;
	}
#endif
	return false;
}

/* Sockets for data between processes and hosts, and what getaddrinfo needs (netlink). */
static int refuse_sockets(scmp_filter_ctx ctx)
{
	static const int limits[][2] = {
		{AF_UNIX + 1, AF_INET - 1},
		{AF_INET + 1, AF_INET6 - 1},
		{AF_INET6 + 1, AF_NETLINK - 1},
	};
	int err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
				   SCMP_A0(SCMP_CMP_GT, AF_NETLINK));

	_Static_assert(AF_UNIX < AF_INET && AF_INET < AF_INET6 && AF_INET6 < AF_NETLINK, "order");
	for (unsigned int i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		for (int family = limits[i][0]; err == 0 && family <= limits[i][1]; family++) {
			err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
					       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
		}
	}
	return err;
}

static int fill_filter(scmp_filter_ctx ctx, unsigned int flags)
{
	int err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);

	for (unsigned int i = 0; err == 0 && i < sizeof(refused) / sizeof(refused[0]); i++) {
		int number = seccomp_syscall_resolve_name(refused[i]);
		/* A call that this library does not know cannot be refused by name. */
		if (number == __NR_SCMP_ERROR || is_kept(refused[i], flags)) {
			continue;
		}
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	return err == 0 ? refuse_sockets(ctx) : err;
}

static int load_filter(unsigned int flags)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (!ctx) {
		return -ENOMEM;
	}
	int err = fill_filter(ctx, flags);
	if (err == 0) {
		err = seccomp_load(ctx);
	}
	seccomp_release(ctx);
	/* A kernel built without it (or valgrind): the capabilities are gone all the same. */
	if (err == -EOPNOTSUPP || err == -ENOSYS) {
		tl_log_note("no seccomp here: going on without a system call filter");
		return 0;
	}
	return err;
}

/* Looks the account up; 0 when there is none to change to. */
static const struct passwd *find_account(const char *user, unsigned int flags)
{
	/* Root in a container may lack these. */
	bool may_change = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) > 0 &&
			  capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID) > 0;

	if (!user || (flags & TL_PRIVILEGE_KEEP_USER) || geteuid() != 0 || !may_change) {
		return 0;
	}
	const struct passwd *account = getpwnam(user);
	if (!account) {
		tl_log_info("no user %s: staying root without capabilities", user);
	}
	return account;
}

/* Without CAP_SETPCAP there is no bounding set to clear, and nothing to gain from it. */
static capng_select_t what_to_drop(void)
{
	bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) > 0;

	return may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS;
}

static int drop_capabilities(const char *user, unsigned int flags)
{
	if (capng_get_caps_process() != 0) {
		return -EIO;
	}
	const struct passwd *account = find_account(user, flags);
	capng_select_t what = what_to_drop();
	bool reads = (flags & TL_PRIVILEGE_READ_FILES) &&
		     capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH) > 0;
	capng_clear(what);
	if (reads) {
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_READ_SEARCH);
	}
	if (account) {
		capng_flags_t how =
			CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT;
		return capng_change_id((int)account->pw_uid, (int)account->pw_gid, how) == 0
			       ? 0
			       : -EPERM;
	}
	return capng_apply(what) == 0 ? 0 : -EPERM;
}

int tl_privilege_drop(const char *user, unsigned int flags)
{
	const char *step = "capabilities";
	int err = drop_capabilities(user, flags);

	if (err == 0) {
		step = "no_new_privs";
		err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
	}
	if (err == 0) {
		step = "the system call filter";
		err = load_filter(flags);
	}
	if (err < 0) {
		tl_log_err("cannot give up privileges (%s): %s", step, strerror(-err));
	}
	return err;
}

void tl_privilege_make_run_folder(void)
{
	const struct passwd *user;
	struct stat st;

	if (geteuid() != 0 || (mkdir(TL_RUN_FOLDER, 0755) < 0 && errno != EEXIST)) {
		return;
	}
	user = getpwnam(TL_PRIVILEGE_USER);
	if (!user || lstat(TL_RUN_FOLDER, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0 ||
	    st.st_gid != 0) {
		return;
	}
	if (chown(TL_RUN_FOLDER, 0, user->pw_gid) < 0 || chmod(TL_RUN_FOLDER, 02770) < 0) {
		tl_log_warn("%s: cannot give it to the group of %s: %s", TL_RUN_FOLDER,
			    TL_PRIVILEGE_USER, strerror(errno));
	}
}
