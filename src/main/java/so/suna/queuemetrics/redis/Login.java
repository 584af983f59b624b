package so.suna.queuemetrics.redis;

import java.util.Optional;

/** How to log in to Redis. */
public sealed interface Login {

  record None() implements Login {}

  /**
   * @param user of the ACL; none for the default user
   */
  record Password(Optional<String> user, String password) implements Login {
    @Override
    public String toString() {
      return "Password[user=" + user.orElse("default") + "]";
    }
  }

  /**
   * With a token from AWS instead of a password.
   *
   * @param user of ElastiCache, whose id and name are the same
   * @param cacheName id of the replication group, in lower case
   */
  record Iam(String user, String cacheName) implements Login {}
}
