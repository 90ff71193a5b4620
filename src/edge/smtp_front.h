/* edge/smtp_front -- one submission session of the person's mail program.
 *
 * Answers (doc/answers.md has the table):
 *   no login                                    530 / 535
 *   MAIL FROM or From is not the account        550 5.7.1
 *   a recipient has no certificate: at RCPT     550 5.7.1
 *     and after DATA, if the program goes on    554 5.7.1, naming the address
 *   the directory is down or talks nonsense     451 4.4.3
 *   sealed and taken by the provider            250
 *   sealed and safe on disk, provider away      250
 *   the provider says no                        its own 5xx
 *   the disk is full                            452 4.3.1
 *
 * May use:   base codec os mime proto net store flow enrol.
 */
#ifndef EDGE_SMTP_FRONT_H
#define EDGE_SMTP_FRONT_H

#include "edge/front.h"

/* Serve one connection to its end. */
void smtp_front_serve(const struct agent *agent, struct visit *visit);

#endif
