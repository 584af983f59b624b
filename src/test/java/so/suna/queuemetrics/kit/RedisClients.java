package so.suna.queuemetrics.kit;

import java.util.Optional;
import so.suna.queuemetrics.redis.IamToken;
import so.suna.queuemetrics.redis.Login;
import so.suna.queuemetrics.redis.ReadOnlyRedis;
import so.suna.queuemetrics.redis.RedisEndpoint;

/** The functions' own client, at a server of a test. */
public final class RedisClients {

  private RedisClients() {}

  /** Without TLS or login, in database 0. */
  public static ReadOnlyRedis at(int port) {
    return at(new RedisEndpoint("127.0.0.1", port, 0, false, new Login.None()));
  }

  public static ReadOnlyRedis at(RedisEndpoint endpoint) {
    return new ReadOnlyRedis(endpoint, IamToken.ofThisFunction(), Optional.empty());
  }
}
