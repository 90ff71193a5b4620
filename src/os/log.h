/* os/log -- one line to standard error, with the time unless a service
 * manager adds it.  Used by edge, enrol, authority and cmd only: low rooms
 * return, they do not log.  Never content, subjects, passwords or keys.
 */
#ifndef OS_LOG_H
#define OS_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)

/* From now on no line names anybody but `own`: whatever else looks like a mail
 * address is told as "(address)", also in what servers say; but the name of a
 * letter behind the word "letter" stays.  Borrowed for ever; NULL: all are
 * told. */
void log_hide_addresses(const char *own);

#endif
