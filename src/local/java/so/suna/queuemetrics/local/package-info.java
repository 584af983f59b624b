/**
 * What stands in for production on this machine, for the local run and for the tests: Redis,
 * CloudWatch, ECS, Lambda.
 */
@NullMarked
package so.suna.queuemetrics.local;

import org.jspecify.annotations.NullMarked;
