/** The way to AWS: clients, credentials, time limits. Knows no metric and no queue. */
@NullMarked
package so.suna.queuemetrics.aws;

import org.jspecify.annotations.NullMarked;
