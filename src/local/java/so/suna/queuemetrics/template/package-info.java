/**
 * Reads template.yaml, or another, as CloudFormation would deploy it: the workers' scaling and the
 * alarms.
 */
@NullMarked
package so.suna.queuemetrics.template;

import org.jspecify.annotations.NullMarked;
