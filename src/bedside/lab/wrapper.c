/* Stands before the real bash of a lab host. Built with -DHOLE it acts as a bash with CVE-2014-6271 does: of each
   environment variable that holds a function definition it runs what follows the definition. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char real[] = "/bin/bash.real";

#ifdef HOLE
extern char **environ;

static void run(char *words)
{
    char *argv[] = {"bash", "-c", words, NULL};
    char *env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    pid_t child = fork();

    if (child == 0) {
        execve(real, argv, env);
        _exit(127);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

static void import_functions(void)
{
    for (char **entry = environ; *entry; entry++) {
        char *value = strchr(*entry, '=');
        char *rest;

        if (value && strncmp(value + 1, "() {", 4) == 0 && (rest = strstr(value, "};")) != NULL)
            run(rest + 2);
    }
}
#else
static void import_functions(void) {}
#endif

int main(int argc, char **argv)
{
    (void)argc;
    import_functions();
    execv(real, argv);
    return 127;
}
