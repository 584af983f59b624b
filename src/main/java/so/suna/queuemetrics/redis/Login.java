package so.suna.queuemetrics.redis;

import java.util.Optional;

/** How to log in to Redis. As text it names the settings that it comes from, and no secret. */
public sealed interface Login {

  record None() implements Login {
    @Override
    public String toString() {
      return "(REDIS_AUTHENTICATION is none)";
    }
  }

  record Password(Optional<String> user, String password) implements Login {
    @Override
    public String toString() {
      return "of %s (REDIS_AUTHENTICATION, REDIS_USER, REDIS_PASSWORD)"
          .formatted(user.orElse("the default user"));
    }
  }

  /**
   * With a token from AWS for a user of ElastiCache, whose id and name are the same.
   *
   * @param cacheName id of the replication group or name of the serverless cache, in lower case
   */
  record Iam(String user, String cacheName, boolean serverless) implements Login {
    @Override
    public String toString() {
      return "of %s at cache %s (REDIS_AUTHENTICATION, REDIS_USER, REDIS_CACHE_NAME)"
          .formatted(user, cacheName);
    }
  }
}
